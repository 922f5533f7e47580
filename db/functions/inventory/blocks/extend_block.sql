create or replace function inventory.extend_block(p_block_id uuid, p_expires_at timestamptz)
returns store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_block store.block;
begin
    if p_expires_at is null then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'expires_at is required',
            detail = jsonb_build_object('field', 'expires_at', 'input', null);
    end if;
    v_block := inventory.lock_active_block(p_block_id);
    update store.block as b
    set expires_at = inventory.block_expiry(p_expires_at, inventory.clock(), v_block.created_at)
    where b.id = p_block_id and b.product_id = v_block.product_id
    returning * into v_block;
    return v_block;
end;
$$;

comment on function inventory.extend_block(uuid, timestamptz) is
'Move the end of an active block to p_expires_at, which must be in the future and within the longest time that a block
may last, counted from its creation. Locks the product''s stock row.

Errors: BLOCK_NOT_FOUND, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_EXPIRED; 22023 for p_expires_at.';

grant execute on function inventory.extend_block(uuid, timestamptz) to inventory_operator;
