create or replace function maintenance.rebuild_cost_layers(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_opening store.opening_balance;
    v_row record;
    v_outside record;
    v_movement store.movement;
    v_change numeric;
    v_left numeric;
    v_taken numeric;
    v_cost numeric;
    v_unit_cost numeric;
    -- The layers in order, their ids, and the uses so far. No layer before v_first is open.
    v_layers store.cost_layer [];
    v_ids bigint [];
    v_uses store.cost_layer_use [];
    v_first integer := 1;
    v_at integer;
    v_layer store.cost_layer;
    v_use store.cost_layer_use;
begin
    -- Layers and uses from detached months are accepted as they are.
    select * into v_opening from store.opening_balance as o where o.product_id = p_product_id;
    v_uses := array(
        select u
        from store.cost_layer_use as u
        where u.product_id = p_product_id and u.movement_id <= v_opening.movement_id
        order by u.movement_id, u.layer_id
    );
    for v_layer in
        select * from store.cost_layer as l where l.product_id = p_product_id and l.number <= v_opening.number order by l.number
    loop
        select
            v_layer.quantity - coalesce(sum(u.quantity), 0), v_layer.value - coalesce(sum(u.cost), 0)
        into v_layer.remaining, v_layer.remaining_value
        from store.cost_layer_use as u
        where u.product_id = p_product_id and u.layer_id = v_layer.id and u.movement_id <= v_opening.movement_id;
        v_layer.is_open := v_layer.remaining > 0;
        v_layers := v_layers || v_layer;
        v_ids := v_ids || v_layer.id;
        if round(v_layer.quantity * v_layer.unit_cost, 3) <> v_layer.value then
            problem := format('Layer %s is older than the ledger, and its value is not its unit cost.', v_layer.id);
            return next;
            problem := null;
        end if;
    end loop;

    for v_row in
        select
            m as movement,
            -- The movement that a return, or the deletion of a flow, takes back. The first that names it: ledger, record, layer.
            coalesce(a.id, s.movement_id, f.movement_id, u.returns_movement_id) as undone_id,
            case when l.id is null then n else l end as layer,
            p.unit_cost
        from store.movement as m
        left join store.cost_layer as l on m.product_id = l.product_id and m.id = l.movement_id
        left join store.cost_layer as n on m.product_id = n.product_id and m.number = n.number
        left join store.purchase as p on m.product_id = p.product_id and m.kind = 'purchase' and m.reference = p.id::text
        left join store.sale as r on m.product_id = r.product_id and m.kind = 'return' and m.reference = r.id::text
        left join store.sale as s on m.product_id = s.product_id and r.returned_sale_id = s.id and s.quantity > 0
        left join store.movement as a
            on
                m.product_id = a.product_id
                and a.kind = case m.kind
                    when 'return' then 'sale' when 'delete_outflow' then 'outflow' when 'delete_inflow' then 'inflow'
                end
                and a.reference = case m.kind when 'return' then r.returned_sale_id::text else m.reference end
        left join store.deleted_flow as f
            on m.product_id = f.product_id and m.kind = 'delete_' || f.kind and m.reference = f.id::text
        left join lateral (
            select min(c.returns_movement_id) as returns_movement_id
            from store.cost_layer_use as c
            where c.product_id = m.product_id and c.movement_id = m.id
        ) as u on true
        where
            m.product_id = p_product_id
            and m.kind <> 'repair'
            and (m.on_hand_after <> m.on_hand_before or m.cost is not null)
        order by m.number
    loop
        v_movement := v_row.movement;
        v_change := v_movement.on_hand_after - v_movement.on_hand_before;
        v_left := abs(v_change);
        v_cost := 0;
        if v_change > 0 and v_movement.kind in ('return', 'part_return', 'delete_outflow') then
            -- Units that were taken last come back first, as in inventory.returnable_units.
            for v_outside in
                select u.layer_id, sum(u.quantity) as quantity, sum(u.cost) as cost
                from unnest(v_uses) as u
                where u.movement_id = v_row.undone_id or u.returns_movement_id = v_row.undone_id
                group by u.layer_id
                having sum(u.quantity) > 0
                order by array_position(v_ids, u.layer_id) desc
            loop
                exit when v_left = 0;
                v_taken := least(v_left, v_outside.quantity);
                v_use := row(
                    p_product_id, v_movement.id, v_outside.layer_id, -v_taken,
                    -inventory.share(v_outside.cost, v_taken, v_outside.quantity), v_row.undone_id
                );
                v_uses := v_uses || v_use;
                v_at := array_position(v_ids, v_outside.layer_id);
                v_layer := v_layers[v_at];
                v_layer.remaining := v_layer.remaining + v_taken;
                v_layer.remaining_value := v_layer.remaining_value - v_use.cost;
                v_layer.is_open := true;
                v_layers[v_at] := v_layer;
                v_first := least(v_first, v_at);
                v_cost := v_cost - v_use.cost;
                v_left := v_left - v_taken;
            end loop;
        elsif v_change > 0 then
            v_layer := v_row.layer;
            v_unit_cost := case
                when v_movement.cost is null then null
                when round(v_change * v_layer.unit_cost, 3) = v_movement.cost then v_layer.unit_cost
                when round(v_change * v_row.unit_cost, 3) = v_movement.cost then v_row.unit_cost
                else round(v_movement.cost / v_change, 3)
            end;
            -- Several unit costs give the same value for less than a unit.
            if
                v_unit_cost is distinct from v_layer.unit_cost
                and v_unit_cost is distinct from v_row.unit_cost
                and (v_change < 1 or round(v_change * v_unit_cost, 3) <> v_movement.cost)
            then
                problem := format('The unit cost of movement %s is lost.', v_movement.id);
                return next;
            end if;
            -- An id between those of the layers around it is free: the lost layer had one.
            v_layer.id := coalesce(v_layer.id, v_ids[cardinality(v_ids)] + 1, 1);
            v_layer.product_id := p_product_id;
            v_layer.movement_id := v_movement.id;
            v_layer.number := v_movement.number;
            v_layer.received_at := coalesce(v_layer.received_at, v_movement.created_at);
            v_layer.quantity := v_change;
            v_layer.remaining := v_change;
            v_layer.unit_cost := v_unit_cost;
            v_layer.value := v_movement.cost;
            v_layer.remaining_value := v_movement.cost;
            v_layer.is_open := true;
            v_layers := v_layers || v_layer;
            v_ids := v_ids || v_layer.id;
            v_left := 0;
            v_cost := v_movement.cost;
        else
            -- The oldest units; deleting an inflow takes its own.
            v_at := v_first;
            while v_left > 0 and v_at <= cardinality(v_layers)
            loop
                v_layer := v_layers[v_at];
                if v_layer.remaining > 0 and (v_movement.kind <> 'delete_inflow' or v_layer.movement_id = v_row.undone_id) then
                    v_taken := least(v_left, v_layer.remaining);
                    v_use := row(
                        p_product_id, v_movement.id, v_layer.id, v_taken,
                        inventory.share(v_layer.remaining_value, v_taken, v_layer.remaining), null
                    );
                    v_uses := v_uses || v_use;
                    v_layer.remaining := v_layer.remaining - v_taken;
                    v_layer.remaining_value := v_layer.remaining_value - v_use.cost;
                    v_layer.is_open := v_layer.remaining > 0;
                    v_layers[v_at] := v_layer;
                    v_cost := v_cost + v_use.cost;
                    v_left := v_left - v_taken;
                end if;
                if v_at = v_first and not v_layer.is_open then
                    v_first := v_first + 1;
                end if;
                v_at := v_at + 1;
            end loop;
            if v_change = 0 then
                v_cost := null;
            end if;
        end if;
        if v_left > 0 then
            problem := format('Movement %s moves %s units more than the layers have.', v_movement.id, v_left);
            return next;
        elsif v_cost is distinct from v_movement.cost then
            problem := format(
                'The cost of movement %s is %s, and first in, first out makes it %s.', v_movement.id,
                coalesce(v_movement.cost::text, 'not known'), coalesce(v_cost::text, 'not known')
            );
            return next;
        end if;
        problem := null;
    end loop;

    return query
    select 'cost_layer', to_jsonb(l), to_jsonb(w), null::text
    from (select c.* from store.cost_layer as c where c.product_id = p_product_id) as l
    full join unnest(v_layers) as w on l.id = w.id
    where l is distinct from w
    union all
    select 'cost_layer_use', to_jsonb(u), to_jsonb(w), null
    from (select c.* from store.cost_layer_use as c where c.product_id = p_product_id) as u
    full join unnest(v_uses) as w on u.movement_id = w.movement_id and u.layer_id = w.layer_id
    where u is distinct from w;
end;
$$;

comment on function maintenance.rebuild_cost_layers(bigint) is
'What repairs the differences that maintenance.verify_cost_layers() finds: the layers and their uses as first in, first out makes
them from the movements alone. Returns rows as maintenance.plan_of() does.

An arrival opens a layer of the movement''s cost. A departure takes its share of the oldest layers, and what comes back goes into
the layers that it left. A movement whose cost is another than that is a problem.';
