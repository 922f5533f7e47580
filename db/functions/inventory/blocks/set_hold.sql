create or replace function inventory.set_hold(
    p_owner inventory.hold_owner,
    p_items inventory.hold_lines,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_allow_partial boolean default false,
    p_actor text default null
)
returns setof store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_items constant inventory.block_line [] := p_items;
    v_now timestamptz := inventory.clock();
    v_product_ids bigint [];
    v_quantities numeric [];
    v_quantity numeric;
    v_held store.block [];
    v_active store.block [];
    v_own numeric;
    v_block store.block;
    v_kept store.block [] := '{}'::store.block [];
    v_kept_ids uuid [] := '{}'::uuid [];
    v_lines inventory.posting [];
    v_new inventory.posting [] := '{}'::inventory.posting [];
    v_posted inventory.posted [];
begin
    perform inventory.require_argument('items', p_items is null);
    perform inventory.require_argument('quantity', exists (select from unnest(v_items) as i where i.quantity is null));
    perform inventory.block_expiry(p_expires_at, v_now, v_now);
    select
        coalesce(array_agg(w.product_id order by w.position), '{}'),
        coalesce(array_agg(w.quantity order by w.position), '{}')
    into v_product_ids, v_quantities
    from (
        select p.id as product_id, sum(p.quantity) as quantity, min(p.position) as position
        from (
            select inventory.product_id_by_sku_id(i.sku_id) as id, i.quantity, i.position
            from unnest(v_items) with ordinality as i (sku_id, quantity, position)
        ) as p
        group by p.id
    ) as w;
    v_held := inventory.lock_hold(p_owner, v_product_ids);
    v_now := inventory.clock();
    v_active := array(select b from unnest(v_held) as b where inventory.is_active_block(b, v_now) order by b.id);

    for v_position in 1..cardinality(v_product_ids)
    loop
        v_quantity := v_quantities[v_position];
        v_own := coalesce(
            (select sum(b.quantity) from unnest(v_active) as b where b.product_id = v_product_ids[v_position]), 0
        );
        if p_allow_partial and v_quantity > v_own then
            v_quantity := inventory.obtainable_quantity(v_product_ids[v_position], v_quantity, v_own, v_now);
        end if;
        select b.* into v_block
        from unnest(v_active) as b
        where b.product_id = v_product_ids[v_position] and b.quantity = v_quantity
        order by b.id
        limit 1;
        if found then
            v_kept := v_kept || v_block;
            v_kept_ids := v_kept_ids || v_block.id;
        elsif v_quantity > 0 then
            v_new := v_new || inventory.line(
                'block', v_product_ids[v_position], v_quantity,
                -- The ids rise in the order of the items.
                inventory.uuid_v7(v_now + v_position * interval '1 microsecond')::text,
                p_reason, p_actor,
                p_expires_at => inventory.block_expiry(p_expires_at, v_now, v_now), p_owner => p_owner
            );
        end if;
    end loop;

    -- A block is cancelled before the new one of its product is decided, which so counts its units as available.
    v_lines := array(
        select inventory.line('cancel', b.product_id, p_reason => p_reason, p_actor => p_actor, p_block_id => b.id)
        from unnest(v_active) as b
        where b.id <> all(v_kept_ids)
        order by b.id
    ) || v_new;
    v_posted := inventory.post_with_parts(v_lines);
    for v_position in 1..cardinality(v_lines)
    loop
        -- A block that expired in the last moment has ended as well.
        if v_posted[v_position].sqlstate <> 'IV006' then
            perform inventory.raise_refusal(v_posted[v_position]);
        end if;
    end loop;
    if p_expires_at is not null then
        begin
            perform inventory.move_block_end(b, p_expires_at, v_now, p_actor) from unnest(v_kept) as b;
        exception
            when sqlstate 'IV006' then -- BLOCK_EXPIRED
                raise exception using
                    errcode = 'serialization_failure',
                    message = format('A block of %s has expired meanwhile.', p_owner);
        end;
    end if;
    perform inventory.settle_hold(array(select b from unnest(v_held) as b where b.id <> all(v_kept_ids)));
    return query
    select b.*
    from store.block as b
    where b.id = any(v_kept_ids || array(select l.reference::uuid from unnest(v_new) as l))
    order by b.id;
end;
$$;

comment on function inventory.set_hold(
    inventory.hold_owner, inventory.hold_lines, inventory.reason, timestamptz, boolean, text
) is
'Make the blocks of an owner, a cart or an order, be exactly these, all or none, and return them, oldest first: one for each SKU.

Lines of the same SKU count together. The owner''s own units count as available: 4 instead of 3 takes 1 more. A block that holds
the wanted quantity stays; p_expires_at moves its end as inventory.extend_block does. Where another quantity is wanted, the block
is cancelled and a new one created; blocks of other SKUs are cancelled. New blocks end at p_expires_at (null: after the default
duration). p_reason: of the blocks that are created or cancelled. p_allow_partial: where too little is available, the SKU gets
what there is, or no block.

Blocks of the owner that have expired do not stand in the way of inventory.convert_hold and extend_hold any more. Locks the owner,
then the stock rows of all products in order of id. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED,
PRODUCT_NOT_FOUND; 22023 for p_expires_at; 40001. An error undoes all.';

grant execute on function inventory.set_hold(
    inventory.hold_owner, inventory.hold_lines, inventory.reason, timestamptz, boolean, text
) to inventory_operator;
