create or replace function inventory.extend_block(
    p_block_id uuid,
    p_expires_at timestamptz,
    p_actor text default null,
    p_expected text default null
)
returns store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_product_id bigint;
    v_block store.block;
    v_refusal inventory.posted;
begin
    if p_expires_at is null then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'expires_at is required',
            detail = jsonb_build_object('field', 'expires_at', 'input', null);
    end if;
    v_product_id := inventory.block_product(p_block_id);
    if p_expected is not null then
        perform inventory.require_expected(v_product_id, p_expected);
    end if;
    perform
    from store.stock as s
    where
        s.product_id = v_product_id
        or s.product_id = any(array(select c.product_id from store.block as c where c.kit_block_id = p_block_id))
    order by s.product_id
    for no key update;
    -- A separate statement, so that it sees what the previous holder of the lock did to the block.
    select * into v_block from store.block as b where b.id = p_block_id and b.product_id = v_product_id;
    v_now := inventory.clock();
    v_refusal := inventory.block_refusal(p_block_id, v_block, v_now);
    if v_refusal.sqlstate is null and v_block.kit_block_id is not null then
        v_refusal := inventory.block_of_kit(v_block);
    end if;
    if v_refusal.sqlstate is not null then
        perform inventory.raise_refusal(v_refusal);
    end if;
    return inventory.move_block_end(v_block, p_expires_at, v_now, p_actor);
end;
$$;

comment on function inventory.extend_block(uuid, timestamptz, text, text) is
'Move the end of an active block to p_expires_at.

p_expires_at must be in the future, and the block must not last longer than the maximum duration, counted from its creation. Locks
the product''s stock row. The block of a kit is extended together with the blocks of its parts, whose stock rows are locked too.

Errors: BLOCK_NOT_FOUND, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_EXPIRED, BLOCK_OF_KIT; 22023 for p_expires_at.';

grant execute on function inventory.extend_block(uuid, timestamptz, text, text) to inventory_operator;
