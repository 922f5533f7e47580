create or replace function inventory.lock_active_block(p_block_id uuid)
returns store.block
language plpgsql
volatile
as $$
declare
    v_product_id bigint;
    v_block store.block;
begin
    select b.product_id into v_product_id from store.block as b where b.id = p_block_id;
    if not found then
        raise exception using
            errcode = 'IV004', -- BLOCK_NOT_FOUND
            message = format('Block %s does not exist.', coalesce(p_block_id::text, 'null'));
    end if;

    perform from store.stock as s where s.product_id = v_product_id for no key update;
    -- A statement of its own, so that it sees what whoever held the lock before has done to the block.
    select * into v_block from store.block as b where b.id = p_block_id and b.product_id = v_product_id;

    if v_block.status = 'converted' then
        raise exception using
            errcode = 'IV007', -- BLOCK_CONVERTED
            message = format('Block %s is already converted.', p_block_id);
    elsif v_block.status = 'cancelled' then
        raise exception using
            errcode = 'IV008', -- BLOCK_CANCELLED
            message = format('Block %s is already cancelled.', p_block_id);
    elsif v_block.status = 'expired' or v_block.expires_at <= inventory.clock() then
        raise exception using
            errcode = 'IV006', -- BLOCK_EXPIRED
            message = format('Block %s has expired.', p_block_id);
    end if;
    return v_block;
end;
$$;

comment on function inventory.lock_active_block(uuid) is
'Lock the stock row of a block''s product and return the block, which is active until the transaction ends it.

Of all who try to end a block, one gets it; the others find here how it ended. Errors: BLOCK_NOT_FOUND, BLOCK_CONVERTED,
BLOCK_CANCELLED, BLOCK_EXPIRED.';
