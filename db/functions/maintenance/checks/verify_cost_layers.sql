create or replace function maintenance.verify_cost_layers(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    c_now constant bigint := 9223372036854775807; -- stands for the movement after the last one
begin
    return query
    select
        'cost layers hold what is on hand', s.product_id, 'on_hand'::text, s.on_hand, coalesce(sum(l.remaining), 0)
    from store.stock as s
    left join store.cost_layer as l on s.product_id = l.product_id and l.is_open
    where s.product_id between p_from and p_to
    group by s.product_id, s.on_hand
    having s.on_hand <> coalesce(sum(l.remaining), 0)
    union all
    select
        'cost layer is worth its unit cost', l.product_id, format('layer %s', l.id), round(l.quantity * l.unit_cost, 3), l.value
    from store.cost_layer as l
    where l.product_id between p_from and p_to and l.value <> round(l.quantity * l.unit_cost, 3);

    return query
    -- The layers of each movement that changes on hand have the same units and the same value as the movement.
    select
        'movement equals its cost layers', m.product_id, format('%s of movement %s', k.subject, m.id), k.expected, k.found
    from store.movement as m
    left join (
        select
            u.product_id, u.movement_id, -sum(u.quantity) as quantity,
            case when bool_and(u.cost is not null) then abs(sum(u.cost)) end as cost
        from store.cost_layer_use as u
        where u.product_id between p_from and p_to
        group by u.product_id, u.movement_id
        union all
        select l.product_id, l.movement_id, l.quantity, l.value
        from store.cost_layer as l
        where l.product_id between p_from and p_to
    ) as c on m.product_id = c.product_id and m.id = c.movement_id
    cross join lateral (
        values
            ('quantity', m.on_hand_after - m.on_hand_before, coalesce(c.quantity, 0)),
            ('cost', coalesce(m.cost, -1), coalesce(c.cost, -1))
    ) as k (subject, expected, found)
    where
        m.product_id between p_from and p_to
        and (m.on_hand_after <> m.on_hand_before or m.cost is not null)
        and (m.kind <> 'repair' or m.cost is not null)
        and (m.on_hand_after - m.on_hand_before <> coalesce(c.quantity, 0) or coalesce(m.cost, -1) <> coalesce(c.cost, -1))
        and k.expected <> k.found;

    return query
    -- The units and the money that came back into a layer are at most those that the departure had taken.
    select
        'no more came back than had left',
        r.product_id,
        format('%s of movement %s from layer %s', k.subject, r.returns_movement_id, r.layer_id),
        k.expected,
        k.found
    from (
        select
            b.product_id, b.returns_movement_id, b.layer_id, -sum(b.quantity) as quantity, coalesce(-sum(b.cost), 0) as cost
        from store.cost_layer_use as b
        where b.product_id between p_from and p_to and b.returns_movement_id is not null
        group by b.product_id, b.returns_movement_id, b.layer_id
    ) as r
    left join store.cost_layer_use as u
        on r.product_id = u.product_id and r.returns_movement_id = u.movement_id and r.layer_id = u.layer_id
    cross join lateral (
        values
            ('quantity', least(coalesce(u.quantity, 0), r.quantity), r.quantity),
            (
                'cost',
                case
                    when r.quantity = u.quantity then coalesce(u.cost, 0)
                    else least(coalesce(u.cost, 0), r.cost)
                end,
                r.cost
            )
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- The entries of each layer in order: what came in, what left, and what is left now. The age of a layer is the id of the
    -- movement that opened it.
    with entry as (
        select
            l.product_id, l.id as layer_id, l.movement_id as age, l.movement_id, l.quantity, l.value as cost,
            false as is_departure, false as is_fifo
        from store.cost_layer as l
        where l.product_id between p_from and p_to
        union all
        select
            u.product_id, u.layer_id, l.movement_id, u.movement_id, -u.quantity, -u.cost, u.quantity > 0,
            -- Deleting an inflow takes units from its own layer, whatever the age of the layer is.
            u.quantity > 0 and d.id is null
        from store.cost_layer_use as u
        left join store.cost_layer as l
            on u.product_id = l.product_id and u.layer_id = l.id and l.product_id between p_from and p_to
        left join store.deleted_flow as d
            on d.kind = 'inflow' and u.product_id = d.product_id and u.movement_id = d.deletion_movement_id
        where u.product_id between p_from and p_to
        union all
        select l.product_id, l.id, l.movement_id, c_now, -l.remaining, -l.remaining_value, false, false
        from store.cost_layer as l
        where l.product_id between p_from and p_to
    ),

    dated as (
        select
            e.*,
            max(e.age) filter (where e.is_fifo) over earlier as newest_before,
            count(*) filter (where e.is_fifo) over earlier as uses_before
        from entry as e
        window earlier as (
            partition by e.product_id order by e.movement_id groups between unbounded preceding and 1 preceding
        )
    ),

    running as (
        select
            d.*,
            sum(d.quantity) over w - d.quantity as held,
            coalesce(sum(d.cost) over w - d.cost, 0) as worth,
            bool_or(d.quantity > 0) filter (where d.movement_id <> d.age) over w as has_returns,
            lag(d.movement_id) over w as last_movement_id,
            lag(d.uses_before + d.is_fifo::integer) over w as last_uses
        from dated as d
        window w as (partition by d.product_id, d.layer_id order by d.movement_id)
    ),

    checked as (
        select
            r.*,
            case when r.is_departure then inventory.share(r.worth, -r.quantity, r.held) end as cost_expected,
            -- While a layer holds units, no departure takes units from a newer layer. If nothing came back into the layer, this
            -- must be true since it was opened.
            case
                when r.held = 0 or r.uses_before = r.last_uses then null
                when r.has_returns then (
                    select max(l.movement_id)
                    from store.cost_layer_use as u
                    inner join store.cost_layer as l on u.product_id = l.product_id and u.layer_id = l.id
                    where
                        u.product_id = r.product_id
                        and u.movement_id >= r.last_movement_id
                        and u.movement_id < r.movement_id
                        and u.quantity > 0
                        and l.movement_id > r.age
                        and (
                            select count(*)
                            from store.deleted_flow as d
                            where d.kind = 'inflow' and d.product_id = u.product_id and d.deletion_movement_id = u.movement_id
                        ) = 0
                )
                else r.newest_before
            end as newest_since
        from running as r
        offset 0
    )

    select
        k.check_name, c.product_id, format(k.subject, c.layer_id, case when c.movement_id < c_now then c.movement_id end),
        k.expected, k.found
    from checked as c
    cross join lateral (
        values
            ('departure takes its share of the cost', 'layer %s in movement %s', c.cost_expected, -c.cost, c.is_departure),
            (
                'cost layer equals its uses and its rest', 'quantity of layer %s', c.held, -c.quantity,
                c.movement_id = c_now or c.age is null
            ),
            (
                'cost layer equals its uses and its rest', 'value of layer %s', c.worth, coalesce(-c.cost, 0),
                c.movement_id = c_now
            ),
            (
                'departure takes the oldest layer', 'layer %s still held something before movement %s', c.age, c.newest_since,
                c.newest_since > c.age
            )
    ) as k (check_name, subject, expected, found, is_due)
    where
        (
            c.cost_expected <> -c.cost
            or (c.movement_id = c_now and (c.held <> -c.quantity or c.worth <> coalesce(-c.cost, 0)))
            or c.age is null
            or c.newest_since > c.age
        )
        and k.is_due
        and k.expected <> k.found;
end;
$$;

comment on function maintenance.verify_cost_layers(bigint, bigint) is
'The part of maintenance.verify() for costs: the layers hold all units on hand; the units and the value of each layer are what
movements added minus what they took; departures took the oldest units, at their share of the cost.';
