create or replace function inventory.set_kit_parts(
    p_product_id bigint,
    p_parts inventory.kit_parts,
    p_actor text default null
)
returns setof store.kit_part
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_parts constant inventory.block_line [] := p_parts;
    v_ids bigint [];
    v_quantities numeric [];
    v_before jsonb;
    v_after jsonb;
    v_stock store.stock;
begin
    perform inventory.require_product(p_product_id);
    perform inventory.require_argument('parts', p_parts is null);
    -- Lines of the same SKU count together.
    select array_agg(n.part_id), array_agg(n.quantity) into v_ids, v_quantities
    from (
        select p.part_id, sum(p.quantity) as quantity
        from (
            select inventory.product_id_by_sku_id(l.sku_id) as part_id, l.quantity
            from unnest(v_parts) with ordinality as l (sku_id, quantity, position)
            order by l.position
        ) as p
        group by p.part_id
    ) as n;
    perform inventory.require_argument('quantity', array_position(v_quantities, null) is not null);
    if 1000000000 <= any(v_quantities) then
        raise exception using
            errcode = 'IV011', -- QUANTITY_OUT_OF_RANGE
            message = 'The quantity of a part would exceed 999999999.999.';
    end if;
    perform inventory.lock_with_parts(p_product_id || v_ids);
    v_stock := inventory.lock_product(p_product_id);
    v_before := inventory.kit_parts_of(p_product_id);
    v_after := (
        select jsonb_agg(jsonb_build_object('part_id', n.part_id, 'quantity', trim_scale(n.quantity)) order by n.part_id)
        from unnest(v_ids, v_quantities) as n (part_id, quantity)
    );
    if v_after is not distinct from v_before then
        return query select k.* from store.kit_part as k where k.kit_id = p_product_id order by k.part_id;
        return;
    end if;

    -- Expired blocks promise nothing: end them, so that no block of the old parts is left.
    if v_stock.blocked > 0 then
        perform inventory.end_expired_blocks(p_product_id, 10000);
        v_stock := inventory.lock_product(p_product_id);
    end if;
    if v_stock.on_hand > 0 or v_stock.reserved > 0 or v_stock.blocked > 0 then
        raise exception using
            errcode = 'IV052', -- KIT_IN_USE
            message = format(
                'Product %s has %s on hand, %s reserved and %s blocked.',
                p_product_id, trim_scale(v_stock.on_hand), trim_scale(v_stock.reserved), trim_scale(v_stock.blocked)
            ),
            detail = jsonb_build_object(
                'on_hand', v_stock.on_hand, 'reserved', v_stock.reserved, 'blocked', v_stock.blocked
            ),
            hint = 'Take the units out and end what is promised, then set the parts.';
    end if;
    if cardinality(v_ids) > 0 and exists (select from store.kit_part as k where k.part_id = p_product_id) then
        raise exception using
            errcode = 'IV053', -- KIT_NESTED
            message = format('Product %s is a part of a kit.', p_product_id);
    end if;
    for v_stock in
        select s.* from unnest(v_ids) as p (id) left join store.stock as s on p.id = s.product_id order by p.id
    loop
        if v_stock.product_id is null then
            raise exception using
                errcode = 'IV019', -- INVENTORY_NOT_INITIALIZED
                message = 'A part has no inventory yet.',
                hint = 'Initialize it first.';
        elsif v_stock.is_kit or v_stock.product_id = p_product_id then
            raise exception using
                errcode = 'IV053', -- KIT_NESTED
                message = format('Product %s is a kit: it cannot be a part.', v_stock.product_id);
        end if;
    end loop;

    delete from store.kit_part as k where k.kit_id = p_product_id;
    insert into store.kit_part (kit_id, part_id, quantity)
    select p_product_id, n.part_id, n.quantity from unnest(v_ids, v_quantities) as n (part_id, quantity);
    update store.stock as s
    set is_kit = v_ids is not null, updated_at = inventory.clock()
    where s.product_id = p_product_id and s.is_kit <> (v_ids is not null);
    update store.product as p set version = p.version + 1 where p.id = p_product_id;
    perform inventory.record_change(
        'inventory', p_product_id::text,
        jsonb_build_object('parts', v_before), jsonb_build_object('parts', v_after), p_actor,
        p_product_id
    );
    return query select k.* from store.kit_part as k where k.kit_id = p_product_id order by k.part_id;
end;
$$;

comment on function inventory.set_kit_parts(bigint, inventory.kit_parts, text) is
'Make a product a kit of up to 50 other products, or change the parts of a kit. No parts: make it an ordinary product again.

quantity: how many units of the part one kit takes. Lines of the same SKU count together. The product must have no units on hand
and nothing reserved or blocked; expired blocks are ended. The parts that it has already change nothing. Returns the parts, in
order of id. Locks the stock rows of the product and of its old and new parts, in order of id.

Errors: PRODUCT_NOT_FOUND, INVENTORY_NOT_INITIALIZED, KIT_IN_USE, KIT_NESTED, QUANTITY_OUT_OF_RANGE; 40001 if the parts changed
meanwhile: try again.';

grant execute on function inventory.set_kit_parts(bigint, inventory.kit_parts, text) to inventory_operator;
