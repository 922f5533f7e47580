create or replace function inventory.move_block_end(
    p_block store.block,
    p_expires_at timestamptz,
    p_now timestamptz,
    p_actor text
)
returns store.block
language plpgsql
volatile
as $$
declare
    v_moved store.block;
begin
    update store.block as b
    set expires_at = inventory.block_expiry(p_expires_at, p_now, p_block.created_at)
    where b.id = p_block.id and b.product_id = p_block.product_id
    returning * into v_moved;
    update store.block as c
    set expires_at = v_moved.expires_at
    where c.kit_block_id = p_block.id and c.status = 'active';
    if inventory.clock() >= p_block.expires_at then
        -- The block expired while this call was delayed: other callers may have seen its units as available.
        raise exception using
            errcode = 'IV006', -- BLOCK_EXPIRED
            message = format('Block %s has expired.', p_block.id);
    end if;
    perform inventory.record_change(
        'block',
        b.id::text,
        jsonb_build_object('expires_at', inventory.instant_text(p_block.expires_at)),
        jsonb_build_object('expires_at', inventory.instant_text(v_moved.expires_at)),
        p_actor,
        b.product_id
    )
    from store.block as b
    where (b.id = p_block.id or b.kit_block_id = p_block.id) and b.status = 'active'
    order by b.kit_block_id nulls first, b.product_id;
    update store.product as p
    set version = p.version + 1
    where
        p.id = any(
            p_block.product_id || array(
                select c.product_id from store.block as c where c.kit_block_id = p_block.id and c.status = 'active'
            )
        )
        and v_moved.expires_at <> p_block.expires_at;
    return v_moved;
end;
$$;

comment on function inventory.move_block_end(store.block, timestamptz, timestamptz, text) is
'Move the end of a block that is active at p_now to p_expires_at, and return the block.

The blocks of a kit''s parts move with it, and each is recorded for its product. The caller holds the locks of the stock rows of
the product and of its parts; the function also locks the rows of these products. Errors: BLOCK_EXPIRED; 22023 for p_expires_at.';
