create or replace function maintenance.verify_trade(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    return query
    -- Each purchase agrees with its movement and its cost layer.
    select
        'purchase equals its movement', coalesce(p.product_id, m.product_id),
        format('%s of purchase %s', k.subject, coalesce(p.id::text, m.reference)), k.expected, k.found
    from (select t.* from store.purchase as t where t.product_id between p_from and p_to) as p
    full join (
        select v.product_id, v.id, v.reference, v.on_hand_after - v.on_hand_before as quantity, v.cost, l.unit_cost
        from store.movement as v
        left join store.cost_layer as l
            on v.product_id = l.product_id and v.id = l.movement_id and l.product_id between p_from and p_to
        where v.product_id between p_from and p_to and v.kind = 'purchase'
    ) as m on p.product_id = m.product_id and p.movement_id = m.id
    cross join lateral (
        values
            ('reference', 1, case when p.id::text = m.reference then 1 else 0 end),
            ('quantity', coalesce(m.quantity, 0), coalesce(p.quantity, 0)),
            ('unit cost', coalesce(m.unit_cost, -1), coalesce(p.unit_cost, -1)),
            ('cost', coalesce(m.cost, -1), coalesce(p.cost, -1))
    ) as k (subject, expected, found)
    where
        (p.id::text, p.quantity, p.unit_cost, p.cost) is distinct from (m.reference, m.quantity, m.unit_cost, m.cost)
        and k.expected <> k.found
        and coalesce(p.created_at >= v_start, true);

    return query
    -- Each sale and each return agrees with its movement. The revenue of a sale is quantity * price.
    select
        'sale equals its movement', coalesce(s.product_id, m.product_id),
        format('%s of sale %s', k.subject, coalesce(s.id::text, m.reference)), k.expected, k.found
    from (select t.* from store.sale as t where t.product_id between p_from and p_to) as s
    full join (
        select
            v.product_id, v.id, v.kind, v.reference, v.on_hand_before - v.on_hand_after as moved,
            sign(v.on_hand_before - v.on_hand_after) * v.cost as moved_cost
        from store.movement as v
        where v.product_id between p_from and p_to and v.kind in ('sale', 'return', 'kit_sale', 'kit_return')
    ) as l on s.product_id = l.product_id and s.movement_id = l.id
    cross join lateral (
        -- A sale of a kit costs what its parts cost. maintenance.verify_kits() checks their quantities.
        select
            l.product_id,
            l.reference,
            case l.kind when 'kit_sale' then 'sale' when 'kit_return' then 'return' else l.kind end as kind,
            case when l.kind in ('kit_sale', 'kit_return') then s.quantity else l.moved end as quantity,
            case
                when l.kind in ('kit_sale', 'kit_return') then (
                    select case when bool_and(u.cost is not null) then sum(u.cost) end
                    from store.sale_part as t
                    left join store.cost_layer_use as u on t.part_id = u.product_id and t.movement_id = u.movement_id
                    where t.sale_id = s.id
                )
                else l.moved_cost
            end as cost
    ) as m
    cross join lateral (
        values
            ('reference', 1, case when s.id::text = m.reference then 1 else 0 end),
            ('kind', 1, case when m.kind = case when s.returned_sale_id is null then 'sale' else 'return' end then 1 else 0 end),
            ('quantity', coalesce(m.quantity, 0), coalesce(s.quantity, 0)),
            ('cost', coalesce(m.cost, -1), coalesce(s.cost, -1)),
            (
                'revenue',
                case when s.returned_sale_id is null then coalesce(round(s.quantity * s.unit_price, 3), 0) else s.revenue end,
                coalesce(s.revenue, 0)
            )
    ) as k (subject, expected, found)
    where
        (
            (s.id::text, s.quantity, s.cost, s.returned_sale_id is null)
            is distinct from (m.reference, m.quantity, m.cost, m.kind = 'sale')
            or (s.returned_sale_id is null and s.revenue <> round(s.quantity * s.unit_price, 3))
        )
        and k.expected <> k.found
        and coalesce(s.created_at >= v_start, true);

    return query
    -- A return refers to a sale of the same product. Returns have at most the sold units, and a complete return has all of the
    -- revenue.
    select k.check_name, r.product_id, format('%s of sale %s', k.subject, r.returned_sale_id), k.expected, k.found
    from (
        select t.product_id, t.returned_sale_id, -sum(t.quantity) as quantity, -sum(t.revenue) as revenue
        from store.sale as t
        where t.product_id between p_from and p_to and t.returned_sale_id is not null
        group by t.product_id, t.returned_sale_id
    ) as r
    left join store.sale as s
        on
            r.product_id = s.product_id
            and r.returned_sale_id = s.id
            and s.returned_sale_id is null
            and s.product_id between p_from and p_to
    cross join lateral (
        values
            ('return is of a sale of the product', 'return', 1, case when s.id is null then 0 else 1 end),
            ('no more of a sale came back than was sold', 'quantity', least(s.quantity, r.quantity), r.quantity),
            (
                'no more of a sale came back than was sold', 'revenue',
                case when s.quantity = r.quantity then s.revenue else least(s.revenue, r.revenue) end, r.revenue
            )
    ) as k (check_name, subject, expected, found)
    where k.expected <> k.found;

    return query
    -- The totals to date are the sums of the rows so far, and the numbers have no gap.
    select 'totals to date equal the sums', t.product_id, format('%s of %s %s', k.subject, t.what, t.id), k.expected, k.found
    from (
        select
            'purchase' as what, p.product_id, p.id, p.number, p.quantity_to_date, 0 as revenue_to_date, p.cost_to_date,
            0 as without_cost_to_date,
            row_number() over w as count, sum(p.quantity) over w as quantity, 0 as revenue, sum(p.cost) over w as cost,
            0 as without_cost
        from store.purchase as p
        where p.product_id between p_from and p_to
        window w as (partition by p.product_id order by p.number)
        union all
        select
            'sale', s.product_id, s.id, s.number, s.quantity_to_date, s.revenue_to_date, s.cost_to_date, s.without_cost_to_date,
            row_number() over w, sum(s.quantity) over w, sum(s.revenue) over w, coalesce(sum(s.cost) over w, 0),
            count(*) filter (where s.cost is null) over w
        from store.sale as s
        where s.product_id between p_from and p_to
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
    where
        (t.count, t.quantity, t.revenue, t.cost, t.without_cost)
        <> (t.number, t.quantity_to_date, t.revenue_to_date, t.cost_to_date, t.without_cost_to_date)
        and k.expected <> k.found;
end;
$$;

comment on function maintenance.verify_trade(bigint, bigint) is
'The part of maintenance.verify() for purchases, sales and returns: each agrees with its movement, and the totals to date are
correct.';
