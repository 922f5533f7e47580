create or replace function maintenance.rebuild_stock(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_stock store.stock;
    v_wanted store.stock;
    v_last store.movement;
    v_layers numeric;
    v_break record;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id;
    if v_stock.product_id is null then
        return;
    end if;
    select * into v_last from store.movement as m where m.product_id = p_product_id order by m.number desc limit 1;
    if v_last.product_id is null then
        select o.number, o.on_hand, o.reserved, o.blocked, o.average_quantity, o.average_value
        into
            v_last.number, v_last.on_hand_after, v_last.reserved_after, v_last.blocked_after, v_last.average_quantity,
            v_last.average_value
        from store.opening_balance as o
        where o.product_id = p_product_id;
    end if;

    v_wanted := v_stock;
    v_wanted.on_hand := coalesce(v_last.on_hand_after, 0);
    v_wanted.reserved := coalesce(v_last.reserved_after, 0);
    v_wanted.blocked := coalesce(v_last.blocked_after, 0);
    v_wanted.average_quantity := coalesce(v_last.average_quantity, 0);
    v_wanted.average_value := coalesce(v_last.average_value, 0);
    v_wanted.last_number := coalesce(v_last.number, 0);
    v_wanted.located := (
        select coalesce(sum(l.quantity_after), 0)
        from (
            select distinct on (m.location_id) m.quantity_after
            from store.location_movement as m
            where m.product_id = p_product_id
            order by m.location_id, m.movement_id desc
        ) as l
    );
    v_wanted.kit_reserved := (
        select coalesce(sum(t.reserved * k.quantity), 0)
        from store.kit_part as k
        inner join store.stock as t on k.kit_id = t.product_id
        where k.part_id = p_product_id
    );
    if v_wanted.kit_reserved > v_wanted.reserved then
        return query values (
            'stock', null::jsonb, null::jsonb,
            format(
                'Kits have reserved %s units, and the ledger says %s.',
                trim_scale(v_wanted.kit_reserved), trim_scale(v_wanted.reserved)
            )
        );
    elsif v_wanted is distinct from v_stock then
        return query values ('stock', to_jsonb(v_stock), to_jsonb(v_wanted), null::text);
    end if;

    -- Where two others agree against the last movement, it is the movement that is wrong, or missing.
    table_name := 'movement';
    if
        v_stock.last_number > v_wanted.last_number
        and (v_stock.on_hand, v_stock.reserved, v_stock.blocked, v_stock.average_quantity, v_stock.average_value)
        <> (v_wanted.on_hand, v_wanted.reserved, v_wanted.blocked, v_wanted.average_quantity, v_wanted.average_value)
    then
        problem := format('The movements number %s to %s are missing.', v_wanted.last_number + 1, v_stock.last_number);
        return next;
    end if;
    select coalesce(
        (select l.quantity from store.cost_layer as l where l.product_id = p_product_id and l.movement_id = v_last.id),
        (select -sum(u.quantity) from store.cost_layer_use as u where u.product_id = p_product_id and u.movement_id = v_last.id),
        0
    )
    into v_layers;
    if v_stock.on_hand <> v_wanted.on_hand and v_stock.on_hand - v_last.on_hand_before = v_layers then
        problem := format('The last movement, %s, says another quantity than the stock and the cost layers.', v_last.id);
        return next;
    end if;
    if
        v_stock.blocked <> v_wanted.blocked
        and v_stock.blocked = (
            select coalesce(sum(b.quantity), 0) from store.block as b where b.product_id = p_product_id and b.status = 'active'
        )
    then
        problem := format('The last movement, %s, says another quantity than the stock and the active blocks.', v_last.id);
        return next;
    end if;
    if
        v_stock.located <> v_wanted.located
        and v_stock.located = (
            select coalesce(sum(l.quantity), 0) from store.location_stock as l where l.product_id = p_product_id
        )
    then
        problem := 'Movements at locations are missing: the stock and the locations agree against them.';
        return next;
    end if;

    -- A break in the chain is taken back by a movement, because what came after it was posted on the changed balances. The last
    -- row is the stock itself.
    for v_break in
        with state as (
            select o.number, o.movement_id, o.on_hand, o.reserved, o.blocked, o.on_hand, o.reserved, o.blocked
            from store.opening_balance as o
            where o.product_id = p_product_id
            union all
            select
                m.number, m.id, m.on_hand_before, m.reserved_before, m.blocked_before, m.on_hand_after, m.reserved_after,
                m.blocked_after
            from store.movement as m
            where m.product_id = p_product_id
            union all
            select v_wanted.last_number + 1, null, v_stock.on_hand, v_stock.reserved, v_stock.blocked, null, null, null
        ),

        broken as (
            select
                t.number,
                t.id,
                t.on_hand - coalesce(lag(t.on_hand_after) over w, 0) as on_hand,
                t.reserved - coalesce(lag(t.reserved_after) over w, 0) as reserved,
                t.blocked - coalesce(lag(t.blocked_after) over w, 0) as blocked
            from state as t (number, id, on_hand, reserved, blocked, on_hand_after, reserved_after, blocked_after)
            window w as (order by t.number)
        ),

        open as (
            select
                b.*,
                lead(b.number) over w = b.number + 1
                and (lead(b.on_hand) over w, lead(b.reserved) over w, lead(b.blocked) over w)
                = (-b.on_hand, -b.reserved, -b.blocked) as is_changed_row
            from broken as b
            where
                (b.on_hand, b.reserved, b.blocked) <> (0, 0, 0)
                and b.number > coalesce((select o.number from store.opening_balance as o where o.product_id = p_product_id), 0)
                and not exists (
                    select from store.movement as r
                    where r.product_id = p_product_id and r.kind = 'repair' and r.reference = b.number::text
                )
            window w as (order by b.number)
        )

        select
            o.*,
            sum(o.on_hand) over () as all_on_hand,
            sum(o.reserved) over () as all_reserved,
            sum(o.blocked) over () as all_blocked
        from open as o
        where o.number <= v_wanted.last_number
        -- Additions first, so that no balance is negative in between.
        order by o.on_hand, o.number
    loop
        problem := case
            when v_break.is_changed_row then
                format(
                    'Movement %s was changed: it neither begins where the last one ended nor ends where the next one begins.',
                    v_break.id
                )
            when
                v_wanted.reserved < v_break.all_reserved
                or v_wanted.blocked < v_break.all_blocked
                or v_wanted.on_hand - v_wanted.reserved - v_wanted.blocked
                < v_break.all_on_hand - v_break.all_reserved - v_break.all_blocked
                then
                    format(
                        'Balances were changed before movement %s, and units that were never there are promised or have left.',
                        v_break.id
                    )
        end;
        wanted := case
            when problem is null then
                jsonb_build_object(
                    'before_movement', v_break.id, 'reference', v_break.number::text, 'on_hand', -v_break.on_hand,
                    'reserved', -v_break.reserved, 'blocked', -v_break.blocked
                )
        end;
        return next;
    end loop;
end;
$$;

comment on function maintenance.rebuild_stock(bigint) is
'What repairs the differences that maintenance.verify_ledger() finds.

The balances of the stock row are those after the last movement, or those that were brought forward. The quantity at locations is
what the last movement at each location left. What is reserved for kits follows from the kits. A break in the chain (the balances
were changed, and movements followed) is taken back by a movement of the kind repair that names the movement before which it lies.
Returns rows as maintenance.plan_of() does.';
