-- A layer that was open at p_at has been used since, or is still open. The function therefore reads the first uses after p_at
-- and the next layers. If these held all units that were on hand, no other layer was open; otherwise it reads ten times as many.
create or replace function inventory.cost_layers_of(p_product_id bigint, p_at timestamptz)
returns table (
    product_id bigint,
    layer_id bigint,
    received_at timestamptz,
    quantity numeric,
    remaining numeric,
    unit_cost numeric,
    remaining_value numeric
)
language plpgsql
stable
as $$
declare
    v_last constant store.movement := inventory.movement_at(p_product_id, p_at);
    v_movement_id bigint := v_last.id;
    v_on_hand numeric := v_last.on_hand_after;
    v_first_id bigint;
    v_layer_ids bigint [];
    v_open_ids bigint [];
    v_held numeric;
    v_limit bigint := 100;
begin
    if v_movement_id is null then
        select o.movement_id, o.on_hand into v_movement_id, v_on_hand
        from store.opening_balance as o
        where o.product_id = p_product_id;
    end if;
    if coalesce(v_on_hand, 0) = 0 then
        return;
    end if;
    select u.layer_id into v_first_id
    from store.cost_layer_use as u
    where u.product_id = p_product_id and u.movement_id > v_movement_id and u.quantity > 0
    order by u.movement_id, u.layer_id
    limit 1;

    loop
        v_layer_ids := array(
            (
                select u.layer_id
                from store.cost_layer_use as u
                where u.product_id = p_product_id and u.movement_id > v_movement_id
                order by u.movement_id
                limit v_limit
            )
            union
            (
                select l.id
                from store.cost_layer as l
                where l.product_id = p_product_id and l.id >= v_first_id
                order by l.id
                limit v_limit
            )
            union
            (
                select l.id
                from store.cost_layer as l
                where l.product_id = p_product_id and l.is_open
                order by l.id
                limit v_limit
            )
        );
        select array_agg(l.id), sum(l.quantity - coalesce(t.quantity, 0)) into v_open_ids, v_held
        from store.cost_layer as l
        cross join lateral (
            select sum(u.quantity) as quantity
            from store.cost_layer_use as u
            where u.product_id = p_product_id and u.layer_id = l.id and u.movement_id <= v_movement_id
        ) as t
        where
            l.product_id = p_product_id
            and l.id = any(v_layer_ids)
            and l.movement_id <= v_movement_id
            and l.quantity > coalesce(t.quantity, 0);
        exit when v_held = v_on_hand or v_limit > 1000000000;
        v_limit := v_limit * 10;
    end loop;

    return query
    select
        l.product_id, l.id, l.received_at, l.quantity, l.quantity - coalesce(t.quantity, 0), l.unit_cost,
        l.value - coalesce(t.cost, 0)
    from store.cost_layer as l
    cross join lateral (
        select sum(u.quantity) as quantity, sum(u.cost) as cost
        from store.cost_layer_use as u
        where u.product_id = p_product_id and u.layer_id = l.id and u.movement_id <= v_movement_id
    ) as t
    where l.product_id = p_product_id and l.id = any(v_open_ids)
    order by l.id;
end;
$$;

comment on function inventory.cost_layers_of(bigint, timestamptz) is
'The cost layers of one product that were open at p_at, oldest first, with the columns of inventory.cost_layers_at.';
