create or replace function maintenance.verify()
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    -- What the ledger says a product has, against what its stock row says.
    select 'stock equals the sum of its movements', s.product_id, b.subject, b.expected, b.found
    from store.stock as s
    left join (
        select
            m.product_id,
            sum(m.on_hand_after - m.on_hand_before) as on_hand,
            sum(m.reserved_after - m.reserved_before) as reserved,
            sum(m.blocked_after - m.blocked_before) as blocked
        from store.movement as m
        group by m.product_id
    ) as l on s.product_id = l.product_id
    cross join lateral (
        values
            ('on_hand', coalesce(l.on_hand, 0), s.on_hand),
            ('reserved', coalesce(l.reserved, 0), s.reserved),
            ('blocked', coalesce(l.blocked, 0), s.blocked)
    ) as b (subject, expected, found)
    where b.expected <> b.found;

    return query
    -- Each movement begins where the one before it ended, the first at nothing.
    select 'movement begins where the last ended', c.product_id, c.subject, c.expected, c.found
    from (
        select
            m.product_id,
            b.subject || ' before movement ' || m.id as subject,
            coalesce(lag(b.after) over (partition by m.product_id, b.subject order by m.id), 0) as expected,
            b.before as found
        from store.movement as m
        cross join lateral (
            values
                ('on_hand', m.on_hand_before, m.on_hand_after),
                ('reserved', m.reserved_before, m.reserved_after),
                ('blocked', m.blocked_before, m.blocked_after)
        ) as b (subject, before, after)
    ) as c
    where c.expected <> c.found;

    return query
    select 'ledger has a stock row', m.product_id, 'movements', 0::numeric, count(*)::numeric
    from store.movement as m
    where not exists (select from store.stock as s where s.product_id = m.product_id)
    group by m.product_id;

    return query
    -- What is blocked is what active blocks hold.
    select
        'blocked equals the active blocks', s.product_id, 'blocked'::text, coalesce(sum(b.quantity), 0), s.blocked
    from store.stock as s
    left join store.block as b on s.product_id = b.product_id and b.status = 'active'
    group by s.product_id
    having s.blocked <> coalesce(sum(b.quantity), 0);

    return query
    -- A block is written down once when it begins and once when it ends, for all that it held.
    select
        'block begins and ends once in the ledger',
        coalesce(b.product_id, m.product_id),
        format('%s of block %s', k.subject, coalesce(b.id::text, m.reference)),
        k.expected,
        k.found
    from store.block as b
    full join (
        select
            v.product_id,
            v.reference,
            sum(v.blocked_after - v.blocked_before) filter (where v.kind = 'block') as taken,
            sum(v.blocked_before - v.blocked_after) filter (where v.kind <> 'block') as given_back,
            sum(v.on_hand_before - v.on_hand_after) filter (where v.kind = 'convert') as converted,
            count(*) filter (where v.kind = 'block') as beginnings,
            count(*) filter (where v.kind <> 'block') as ends
        from store.movement as v
        where v.kind in ('block', 'convert', 'cancel', 'expire')
        group by v.product_id, v.reference
    ) as m on b.product_id = m.product_id and b.id::text = m.reference
    cross join lateral (
        values
            ('beginnings', case when b.id is null then 0 else 1 end, coalesce(m.beginnings, 0)),
            ('taken', coalesce(b.quantity, 0), coalesce(m.taken, 0)),
            ('ends', case when b.status = 'active' or b.id is null then 0 else 1 end, coalesce(m.ends, 0)),
            (
                'given back',
                case when b.status = 'active' or b.id is null then 0 else b.quantity end,
                coalesce(m.given_back, 0)
            ),
            ('converted', coalesce(b.converted_quantity, 0), coalesce(m.converted, 0))
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- The layers hold what is on hand.
    select
        'cost layers hold what is on hand', s.product_id, 'on_hand'::text, s.on_hand, coalesce(sum(l.remaining), 0)
    from store.stock as s
    left join store.cost_layer as l on s.product_id = l.product_id and l.is_open
    group by s.product_id
    having s.on_hand <> coalesce(sum(l.remaining), 0);

    return query
    -- What came in is what departures took and what is left, in units and in money.
    select
        'cost layer equals its uses and its rest', l.product_id, format('%s of layer %s', k.subject, l.id), k.expected, k.found
    from store.cost_layer as l
    left join (
        select u.product_id, u.layer_id, sum(u.quantity) as quantity, sum(u.cost) as cost
        from store.cost_layer_use as u
        group by u.product_id, u.layer_id
    ) as u on l.product_id = u.product_id and l.id = u.layer_id
    cross join lateral (
        values
            ('quantity', l.quantity, l.remaining + coalesce(u.quantity, 0)),
            ('value', coalesce(l.value, 0), coalesce(l.remaining_value, 0) + coalesce(u.cost, 0)),
            ('value at its unit cost', coalesce(round(l.quantity * l.unit_cost, 3), 0), coalesce(l.value, 0))
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- Each movement of on hand has its layers, for as many units and as much money.
    select
        'movement equals its cost layers', m.product_id, format('%s of movement %s', k.subject, m.id), k.expected, k.found
    from store.movement as m
    left join (
        select u.product_id, u.movement_id, -sum(u.quantity) as quantity, sum(u.cost) as cost, bool_and(u.cost is not null) as known
        from store.cost_layer_use as u
        group by u.product_id, u.movement_id
        union all
        select l.product_id, l.movement_id, l.quantity, l.value, l.value is not null
        from store.cost_layer as l
    ) as c on m.product_id = c.product_id and m.id = c.movement_id
    cross join lateral (
        values
            ('quantity', m.on_hand_after - m.on_hand_before, coalesce(c.quantity, 0)),
            ('cost', coalesce(m.cost, -1), case when coalesce(c.known, false) then c.cost else -1 end)
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- What lies at places is part of what is on hand.
    select
        'places hold no more than is on hand', p.product_id, 'on_hand'::text, s.on_hand, sum(p.quantity)
    from store.location_stock as p
    inner join store.stock as s on p.product_id = s.product_id
    group by p.product_id, s.on_hand
    having sum(p.quantity) > s.on_hand;
end;
$$;

comment on function maintenance.verify() is
'Rebuild every balance from the movements, the blocks and the cost layers, and return a row for each difference.

No row is the only good answer. One snapshot, no lock: it may run at any time, and reads everything.';

grant execute on function maintenance.verify() to inventory_maintenance;
