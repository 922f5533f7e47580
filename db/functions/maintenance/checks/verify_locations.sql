create or replace function maintenance.verify_locations(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    c_now constant bigint := 9223372036854775807; -- stands for the movement after the last one
    v_start constant timestamptz := inventory.ledger_start();
begin
    return query
    -- The located quantity of the stock row is the sum of the units at locations.
    select 'stock knows what lies at locations', s.product_id, 'located'::text, coalesce(sum(l.quantity), 0), s.located
    from store.stock as s
    left join store.location_stock as l on s.product_id = l.product_id
    where s.product_id between p_from and p_to
    group by s.product_id
    having coalesce(sum(l.quantity), 0) <> s.located;

    return query
    -- At each location, each movement continues the previous one, and the current stock is what the last movement left.
    with state as (
        select m.product_id, m.location_id, m.movement_id, m.quantity_before, m.quantity_after
        from store.location_movement as m
        where m.product_id between p_from and p_to
        union all
        select l.product_id, l.location_id, c_now, l.quantity, l.quantity
        from store.location_stock as l
        where l.product_id between p_from and p_to
    ),

    chain as (
        select
            t.*,
            lag(t.quantity_after, 1, 0.0) over w as last_quantity,
            lead(t.movement_id) over w is null as is_last
        from state as t
        window w as (partition by t.product_id, t.location_id order by t.movement_id)
    )

    select
        k.check_name, c.product_id,
        format('location %s before movement %s', c.location_id, case when c.movement_id < c_now then c.movement_id end),
        k.expected, k.found
    from chain as c
    cross join lateral (
        values
            ('location''s movement begins where the last ended', c.last_quantity, c.quantity_before, c.movement_id < c_now),
            ('location equals its last movement', c.last_quantity, c.quantity_before, c.movement_id = c_now),
            ('location equals its last movement', c.quantity_after, 0, c.is_last and c.movement_id < c_now)
    ) as k (check_name, expected, found, is_due)
    where (c.quantity_before <> c.last_quantity or c.is_last) and k.is_due and k.expected <> k.found;

    return query
    -- A transfer does not change the located total. A movement that names a location changes only that one. A movement that names
    -- none takes units from locations only if no others are left. Each ART operation has the effect that it states.
    select
        k.check_name, m.product_id, coalesce('operation ' || m.operation_id, 'movement ' || m.movement_id), k.expected, k.found
    from (
        select
            coalesce(e.product_id, o.product_id) as product_id, e.movement_id, e.quantity as located, v.id,
            v.on_hand_after - v.on_hand_before as change,
            case when o.created_at >= v_start then o.id end as operation_id,
            o.id is null and inventory.is_order(v.kind, v.reference) as is_lost,
            case o.operation_type
                when 'Remove' then -o.quantity
                when 'Count' then o.quantity - o.booked_quantity
                else o.quantity
            end as ordered,
            case o.operation_type
                when 'Transfer' then e.largest
                else coalesce(v.on_hand_after - v.on_hand_before, 0)
            end as done
        from (
            select
                l.product_id, l.movement_id, sum(l.quantity_after - l.quantity_before) as quantity,
                max(l.quantity_after - l.quantity_before) as largest
            from store.location_movement as l
            where l.product_id between p_from and p_to
            group by l.product_id, l.movement_id
        ) as e
        full join (
            select t.* from store.art_operation as t where t.product_id between p_from and p_to
        ) as o on e.product_id = o.product_id and e.movement_id = o.movement_id
        left join store.movement as v
            on
                coalesce(e.product_id, o.product_id) = v.product_id
                and coalesce(e.movement_id, o.movement_id) = v.id
                and v.product_id between p_from and p_to
        offset 0
    ) as m
    left join store.opening_balance as b on m.product_id = b.product_id
    cross join lateral (
        values
            (
                'movement equals its locations', greatest(m.change, least(m.located, 0)), m.located,
                m.id is not null and m.located is not null
            ),
            ('movement equals its locations', 1, 0, m.id is null and m.movement_id > coalesce(b.movement_id, 0)),
            ('operation equals its movement', m.ordered, m.done, m.operation_id is not null),
            ('operation equals its movement', 1, 0, m.is_lost)
    ) as k (check_name, expected, found, is_due)
    where
        (
            m.located <> greatest(m.change, least(m.located, 0))
            or (m.id is null and m.movement_id is not null)
            or (m.operation_id is not null and m.ordered is distinct from m.done)
            or m.is_lost
        )
        and k.is_due
        and k.expected is distinct from k.found;
end;
$$;

comment on function maintenance.verify_locations(bigint, bigint) is
'The part of maintenance.verify() for locations: the stock of each location follows from its movements, these agree with the
product''s movements, each ART operation has the effect that it states, and each movement of an ART order has its operation.';
