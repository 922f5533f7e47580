create or replace function maintenance.verify()
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- What was written before has no movement any more: its chain begins at store.opening_balance.
    v_start constant timestamptz := inventory.ledger_start();
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
    left join store.opening_balance as o on s.product_id = o.product_id
    cross join lateral (
        values
            ('on_hand', coalesce(o.on_hand, 0) + coalesce(l.on_hand, 0), s.on_hand),
            ('reserved', coalesce(o.reserved, 0) + coalesce(l.reserved, 0), s.reserved),
            ('blocked', coalesce(o.blocked, 0) + coalesce(l.blocked, 0), s.blocked)
    ) as b (subject, expected, found)
    where b.expected <> b.found;

    return query
    -- Each movement begins where the one before it ended, the first at what was brought forward, or at nothing.
    select 'movement begins where the last ended', c.product_id, c.subject, c.expected, c.found
    from (
        select
            m.product_id,
            b.subject || ' before movement ' || m.id as subject,
            coalesce(lag(b.after) over (partition by m.product_id, b.subject order by m.id), b.opening, 0) as expected,
            b.before as found
        from store.movement as m
        left join store.opening_balance as o on m.product_id = o.product_id
        cross join lateral (
            values
                ('on_hand', m.on_hand_before, m.on_hand_after, o.on_hand),
                ('reserved', m.reserved_before, m.reserved_after, o.reserved),
                ('blocked', m.blocked_before, m.blocked_after, o.blocked)
        ) as b (subject, before, after, opening)
    ) as c
    where c.expected <> c.found;

    return query
    -- What has no stock row was deleted, and its last movement left nothing.
    select 'ledger has a stock row', m.product_id, 'movements', 0::numeric, count(*)::numeric
    from store.movement as m
    where
        not exists (select from store.stock as s where s.product_id = m.product_id)
        and not exists (select from store.deleted_product as d where d.id = m.product_id)
    group by m.product_id
    union all
    select 'deleted product has nothing left', d.id, k.subject, 0, k.found
    from store.deleted_product as d
    cross join lateral (
        values
            (
                'units',
                coalesce(
                    (
                        select m.on_hand_after + m.reserved_after + m.blocked_after
                        from store.movement as m
                        where m.product_id = d.id
                        order by m.id desc
                        limit 1
                    ),
                    0
                )
            ),
            (
                'units in open cost layers',
                (select coalesce(sum(l.remaining), 0) from store.cost_layer as l where l.product_id = d.id and l.is_open)
            ),
            ('product rows', (select count(*) from store.product as p where p.id = d.id))
    ) as k (subject, found)
    where k.found <> 0;

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
    where k.expected <> k.found and coalesce(b.created_at >= v_start, true);

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
        select
            u.product_id,
            u.movement_id,
            -sum(u.quantity) as quantity,
            abs(sum(u.cost)) as cost,
            bool_and(u.cost is not null) as known
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
    -- No more of a departure came back into a layer than it had taken, in units and in money.
    select
        'no more came back than had left',
        r.product_id,
        format('%s of movement %s from layer %s', k.subject, r.departure_id, r.layer_id),
        k.expected,
        k.found
    from (
        select
            u.product_id,
            coalesce(u.returns_movement_id, u.movement_id) as departure_id,
            u.layer_id,
            coalesce(sum(u.quantity) filter (where u.quantity > 0), 0) as taken,
            coalesce(-sum(u.quantity) filter (where u.quantity < 0), 0) as returned,
            coalesce(sum(u.cost) filter (where u.quantity > 0), 0) as cost_taken,
            coalesce(-sum(u.cost) filter (where u.quantity < 0), 0) as cost_returned
        from store.cost_layer_use as u
        group by u.product_id, coalesce(u.returns_movement_id, u.movement_id), u.layer_id
        having bool_or(u.quantity < 0)
    ) as r
    cross join lateral (
        values
            ('quantity', least(r.taken, r.returned), r.returned),
            ('cost', case when r.taken = r.returned then r.cost_taken else least(r.cost_taken, r.cost_returned) end, r.cost_returned)
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- What came in, in money, is what left and what is there.
    select
        'value in equals value out and left', i.product_id, 'value'::text, i.value_in, coalesce(o.value_out, 0) + i.value_left
    from (
        select l.product_id, coalesce(sum(l.value), 0) as value_in, coalesce(sum(l.remaining_value), 0) as value_left
        from store.cost_layer as l
        group by l.product_id
    ) as i
    left join (
        select u.product_id, sum(u.cost) as value_out
        from store.cost_layer_use as u
        group by u.product_id
    ) as o on i.product_id = o.product_id
    where i.value_in <> coalesce(o.value_out, 0) + i.value_left;

    return query
    -- The pool of the moving average: each movement makes it what it is from what it was, and the stock row has the last.
    with pool as (
        select
            m.product_id,
            m.id,
            m.on_hand_before,
            m.on_hand_after - m.on_hand_before as change,
            m.average_quantity,
            m.average_value,
            coalesce(lag(m.average_quantity) over w, o.average_quantity, 0) as quantity_before,
            coalesce(lag(m.average_value) over w, o.average_value, 0) as value_before,
            coalesce(a.quantity, 0) as quantity_in,
            coalesce(a.value, 0) as value_in
        from store.movement as m
        left join (
            select l.product_id, l.movement_id, l.quantity, l.value
            from store.cost_layer as l
            where l.value is not null
            union all
            select u.product_id, u.movement_id, -sum(u.quantity), -sum(u.cost)
            from store.cost_layer_use as u
            where u.returns_movement_id is not null and u.cost is not null
            group by u.product_id, u.movement_id
        ) as a on m.product_id = a.product_id and m.id = a.movement_id
        left join store.opening_balance as o on m.product_id = o.product_id
        window w as (partition by m.product_id order by m.id)
    ),

    leaving as (
        select
            p.*,
            case when p.change < 0 then inventory.share(p.quantity_before, -p.change, p.on_hand_before) else 0 end as quantity_out
        from pool as p
    ),

    worked_out as (
        select
            l.*,
            l.quantity_before + l.quantity_in - l.quantity_out as quantity_expected,
            l.value_before + l.value_in
            - case when l.change < 0 then inventory.share(l.value_before, l.quantity_out, l.quantity_before) else 0 end
                as value_expected
        from leaving as l
    )

    select 'moving average follows from the movements', w.product_id, k.subject, k.expected, k.found
    from worked_out as w
    cross join lateral (
        values
            (format('quantity after movement %s', w.id), w.quantity_expected, w.average_quantity),
            (format('value after movement %s', w.id), w.value_expected, w.average_value)
    ) as k (subject, expected, found)
    where k.expected <> k.found
    union all
    select 'stock has the last moving average', s.product_id, k.subject, k.expected, k.found
    from store.stock as s
    left join lateral (
        select m.average_quantity, m.average_value
        from store.movement as m
        where m.product_id = s.product_id
        order by m.id desc
        limit 1
    ) as m on true
    left join store.opening_balance as o on s.product_id = o.product_id
    cross join lateral (
        values
            ('quantity', coalesce(m.average_quantity, o.average_quantity, 0), s.average_quantity),
            ('value', coalesce(m.average_value, o.average_value, 0), s.average_value)
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- A purchase is its movement and its cost layer.
    select
        'purchase equals its movement', coalesce(p.product_id, m.product_id),
        format('%s of purchase %s', k.subject, coalesce(p.id::text, m.reference)), k.expected, k.found
    from store.purchase as p
    full join (
        select v.product_id, v.id, v.reference, v.on_hand_after - v.on_hand_before as quantity, v.cost, l.unit_cost
        from store.movement as v
        left join store.cost_layer as l on v.product_id = l.product_id and v.id = l.movement_id
        where v.kind = 'purchase'
    ) as m on p.product_id = m.product_id and p.movement_id = m.id and p.id::text = m.reference
    cross join lateral (
        values
            ('quantity', coalesce(m.quantity, 0), coalesce(p.quantity, 0)),
            ('unit cost', coalesce(m.unit_cost, -1), coalesce(p.unit_cost, -1)),
            ('cost', coalesce(m.cost, -1), coalesce(p.cost, -1))
    ) as k (subject, expected, found)
    where k.expected <> k.found and coalesce(p.created_at >= v_start, true);

    return query
    -- A sale is its movement, and so is a return; revenue is quantity times price, and a whole return takes all of it back.
    select
        'sale equals its movement', coalesce(s.product_id, m.product_id),
        format('%s of sale %s', k.subject, coalesce(s.id::text, m.reference)), k.expected, k.found
    from store.sale as s
    full join (
        select
            v.product_id,
            v.id,
            v.kind,
            v.reference,
            v.on_hand_before - v.on_hand_after as quantity,
            sign(v.on_hand_before - v.on_hand_after) * v.cost as cost
        from store.movement as v
        where v.kind in ('sale', 'return')
    ) as m
        on
            s.product_id = m.product_id
            and s.movement_id = m.id
            and s.id::text = m.reference
            and m.kind = case when s.returned_sale_id is null then 'sale' else 'return' end
    cross join lateral (
        values
            ('quantity', coalesce(m.quantity, 0), coalesce(s.quantity, 0)),
            ('cost', coalesce(m.cost, -1), coalesce(s.cost, -1)),
            (
                'revenue',
                case when s.returned_sale_id is null then coalesce(round(s.quantity * s.unit_price, 3), 0) else s.revenue end,
                coalesce(s.revenue, 0)
            )
    ) as k (subject, expected, found)
    where k.expected <> k.found and coalesce(s.created_at >= v_start, true)
    union all
    select 'return is of a sale of the product', s.product_id, format('sale %s of return %s', s.returned_sale_id, s.id), 1, 0
    from store.sale as s
    where
        s.returned_sale_id is not null
        and not exists (
            select from store.sale as o
            where o.id = s.returned_sale_id and o.product_id = s.product_id and o.returned_sale_id is null
        )
    union all
    select
        'no more of a sale came back than was sold', s.product_id, format('%s of sale %s', k.subject, s.id), k.expected, k.found
    from store.sale as s
    inner join (
        select r.product_id, r.returned_sale_id, -sum(r.quantity) as quantity, -sum(r.revenue) as revenue
        from store.sale as r
        where r.returned_sale_id is not null
        group by r.product_id, r.returned_sale_id
    ) as r on s.product_id = r.product_id and s.id = r.returned_sale_id
    cross join lateral (
        values
            ('quantity', least(s.quantity, r.quantity), r.quantity),
            ('revenue', case when s.quantity = r.quantity then s.revenue else least(s.revenue, r.revenue) end, r.revenue)
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- A flow is its movement, and so is the end of one that was deleted; what is deleted has left its list.
    select
        'flow equals its movement', coalesce(f.product_id, m.product_id),
        format('%s of %s %s', k.subject, coalesce(f.kind, m.kind), coalesce(f.id::text, m.reference)), k.expected, k.found
    from (
        select 'inflow' as kind, i.id, i.product_id, i.movement_id, i.quantity, i.created_at as at
        from store.inflow as i
        union all
        select 'outflow', o.id, o.product_id, o.movement_id, -o.quantity, o.created_at
        from store.outflow as o
        union all
        select d.kind, d.id, d.product_id, d.movement_id, case d.kind when 'inflow' then d.quantity else -d.quantity end,
            d.created_at
        from store.deleted_flow as d
        union all
        select
            'delete_' || d.kind, d.id, d.product_id, d.deletion_movement_id,
            case d.kind when 'inflow' then -d.quantity else d.quantity end, d.deleted_at
        from store.deleted_flow as d
    ) as f
    full join (
        select v.product_id, v.id, v.kind, v.reference, v.on_hand_after - v.on_hand_before as quantity
        from store.movement as v
        where v.kind in ('inflow', 'outflow', 'delete_inflow', 'delete_outflow')
    ) as m
        on f.product_id = m.product_id and f.movement_id = m.id and f.id::text = m.reference and f.kind = m.kind
    cross join lateral (
        values
            ('flows', 1, case when f.id is null or m.id is null then 0 else 1 end),
            ('quantity', coalesce(m.quantity, 0), coalesce(f.quantity, 0))
    ) as k (subject, expected, found)
    where k.expected <> k.found and coalesce(f.at >= v_start, true)
    union all
    -- What an inflow brought left with it; what an outflow took came back.
    select
        'deleted flow has left nothing behind', d.product_id, format('%s of %s %s', k.subject, d.kind, d.id), k.expected, k.found
    from store.deleted_flow as d
    inner join store.movement as a on d.product_id = a.product_id and d.movement_id = a.id
    inner join store.movement as b on d.product_id = b.product_id and d.deletion_movement_id = b.id
    cross join lateral (
        values
            ('cost', coalesce(a.cost, -1), coalesce(b.cost, -1)),
            (
                'units of its layer',
                0,
                (
                    select coalesce(sum(l.remaining), 0)
                    from store.cost_layer as l
                    where d.kind = 'inflow' and l.product_id = d.product_id and l.movement_id = d.movement_id
                )
            )
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- The lists' counts.
    select
        'row count is right', null::bigint, c.subject || coalesce(' of category ' || c.category_id, '')
        || coalesce(' of brand ' || c.brand_id, ''), c.expected, c.found
    from (
        select
            coalesce(a.subject, r.subject) as subject, coalesce(a.category_id, r.category_id) as category_id,
            coalesce(a.brand_id, r.brand_id) as brand_id, coalesce(a.count, 0) as expected, coalesce(r.count, 0) as found
        from (
            select 'product by category and brand' as subject, p.category_id, p.brand_id, count(*)::numeric as count
            from store.product as p
            where p.category_id is not null or p.brand_id is not null
            group by p.category_id, p.brand_id
            union all
            select 'product', null, null, count(*) from store.product
            union all
            select 'inflow', null, null, count(*) from store.inflow
            union all
            select 'outflow', null, null, count(*) from store.outflow
        ) as a
        full join (
            select o.subject, o.category_id, o.brand_id, sum(o.delta) as count
            from store.row_count as o
            group by o.subject, o.category_id, o.brand_id
        ) as r
            on
                a.subject = r.subject
                and coalesce(a.category_id, 0) = coalesce(r.category_id, 0)
                and coalesce(a.brand_id, 0) = coalesce(r.brand_id, 0)
    ) as c
    where c.expected <> c.found;

    return query
    -- The price that lists search by is the active one, but for what is due; and what is ahead has its turn.
    select
        'retail price is the active one', p.id, 'retail price'::text, coalesce(a.amount, -1), coalesce(p.retail_price, -1)
    from store.product as p
    cross join lateral (select inventory.active_price(p.id) as amount) as a
    where
        a.amount is distinct from p.retail_price
        and not exists (
            select from store.price_turn as t
            where t.product_id = p.id and t.price_type = 'retail' and t.at <= inventory.clock()
        )
    union all
    select 'price rule ahead has its turn', r.product_id, format('price %s', r.id), 1, 0
    from store.price as r
    -- A deleted product's rules stay, and its turns do not.
    inner join store.product as p on r.product_id = p.id
    cross join lateral (values (r.effective_from), (r.effective_to)) as e (at)
    where
        e.at > inventory.clock()
        and not exists (
            select from store.price_turn as t
            where t.product_id = r.product_id and t.price_type = r.price_type and t.at = e.at
        );

    return query
    -- The totals to date are the sums up to there, and the numbers have no gap.
    select 'totals to date equal the sums', t.product_id, format('%s of %s %s', k.subject, t.what, t.id), k.expected, k.found
    from (
        select
            'purchase' as what, p.product_id, p.id, p.number, p.quantity_to_date, 0 as revenue_to_date, p.cost_to_date,
            0 as without_cost_to_date,
            row_number() over w as count, sum(p.quantity) over w as quantity, 0 as revenue, sum(p.cost) over w as cost,
            0 as without_cost
        from store.purchase as p
        window w as (partition by p.product_id order by p.number)
        union all
        select
            'sale', s.product_id, s.id, s.number, s.quantity_to_date, s.revenue_to_date, s.cost_to_date, s.without_cost_to_date,
            row_number() over w, sum(s.quantity) over w, sum(s.revenue) over w, coalesce(sum(s.cost) over w, 0),
            count(*) filter (where s.cost is null) over w
        from store.sale as s
        window w as (partition by s.product_id order by s.number)
    ) as t
    cross join lateral (
        values
            ('number', t.count::numeric, t.number::numeric),
            ('quantity', t.quantity, t.quantity_to_date),
            ('revenue', t.revenue, t.revenue_to_date),
            ('cost', t.cost, t.cost_to_date),
            ('sales without cost', t.without_cost::numeric, t.without_cost_to_date::numeric)
    ) as k (subject, expected, found)
    where k.expected <> k.found;

    return query
    -- What lies at places is part of what is on hand, and the stock row knows how much.
    select 'stock knows what lies at places', s.product_id, 'located'::text, coalesce(p.quantity, 0), s.located
    from store.stock as s
    left join (
        select l.product_id, sum(l.quantity) as quantity
        from store.location_stock as l
        group by l.product_id
    ) as p on s.product_id = p.product_id
    where coalesce(p.quantity, 0) <> s.located;

    return query
    -- What lies at a place is what its movements brought and took, and each begins where the last ended.
    select 'place equals the sum of its movements', coalesce(l.product_id, m.product_id),
        format('location %s', coalesce(l.location_id, m.location_id)), coalesce(m.quantity, 0), coalesce(l.quantity, 0)
    from store.location_stock as l
    full join (
        select e.product_id, e.location_id, sum(e.quantity_after - e.quantity_before) as quantity
        from store.location_movement as e
        group by e.product_id, e.location_id
    ) as m on l.product_id = m.product_id and l.location_id = m.location_id
    where coalesce(m.quantity, 0) <> coalesce(l.quantity, 0)
    union all
    select 'place''s movement begins where the last ended', c.product_id,
        format('location %s before movement %s', c.location_id, c.movement_id), c.expected, c.found
    from (
        select
            e.product_id,
            e.location_id,
            e.movement_id,
            coalesce(
                lag(e.quantity_after) over (partition by e.product_id, e.location_id order by e.movement_id), 0
            ) as expected,
            e.quantity_before as found
        from store.location_movement as e
    ) as c
    where c.expected <> c.found;

    return query
    -- A transfer changes no total; what names a place changes that place; what names none takes of places what it must.
    select 'movement equals its places', m.product_id, format('movement %s', m.id), k.expected, e.quantity
    from store.movement as m
    inner join (
        select l.product_id, l.movement_id, sum(l.quantity_after - l.quantity_before) as quantity
        from store.location_movement as l
        group by l.product_id, l.movement_id
    ) as e on m.product_id = e.product_id and m.id = e.movement_id
    cross join lateral (
        select
            case
                when m.on_hand_after >= m.on_hand_before then m.on_hand_after - m.on_hand_before
                else greatest(m.on_hand_after - m.on_hand_before, least(e.quantity, 0))
            end as expected
    ) as k
    where k.expected <> e.quantity
    union all
    select 'movement equals its places', e.product_id, format('movement %s', e.movement_id), 1, 0
    from store.location_movement as e
    where
        not exists (select from store.movement as m where m.product_id = e.product_id and m.id = e.movement_id)
        and not exists (
            select from store.opening_balance as o where o.product_id = e.product_id and o.movement_id >= e.movement_id
        );

    return query
    -- Each ART operation has done what it says.
    select 'operation equals its movement', o.product_id, format('operation %s', o.id), k.expected, k.found
    from store.art_operation as o
    left join store.movement as m on o.product_id = m.product_id and o.movement_id = m.id
    left join (
        select l.product_id, l.movement_id, max(l.quantity_after - l.quantity_before) as quantity
        from store.location_movement as l
        group by l.product_id, l.movement_id
    ) as e on m.product_id = e.product_id and m.id = e.movement_id
    cross join lateral (
        values (
            case o.operation_type
                when 'Remove' then -o.quantity
                when 'Count' then o.quantity - o.booked_quantity
                else o.quantity
            end,
            case o.operation_type when 'Transfer' then e.quantity else coalesce(m.on_hand_after - m.on_hand_before, 0) end
        )
    ) as k (expected, found)
    where k.expected is distinct from k.found and o.created_at >= v_start;
end;
$$;

comment on function maintenance.verify() is
'Rebuild every balance, cost and total from the movements, the blocks and the cost layers, and return a row for each
difference.

Of what was before the ledger begins (inventory.ledger_start), it starts from what was brought forward. No row is the only good answer. One snapshot, no lock: it may run at any time, and reads everything.';

grant execute on function maintenance.verify() to inventory_maintenance;
