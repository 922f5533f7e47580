create or replace function maintenance.rebuild_trade(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    -- A purchase has the quantity and the cost of its movement, and the unit cost of its layer.
    return query
    with purchase as (
        select
            p.id, to_jsonb(p) as found, p.created_at,
            coalesce(m.id, p.movement_id) as movement_id,
            coalesce(m.on_hand_after - m.on_hand_before, p.quantity) as quantity,
            case when round(l.quantity * l.unit_cost, 3) = m.cost then l.unit_cost else p.unit_cost end as unit_cost,
            coalesce(m.cost, p.cost) as cost,
            m.id is null and p.created_at >= v_start as is_unknown
        from store.purchase as p
        left join store.movement as m on m.product_id = p_product_id and m.kind = 'purchase' and p.id::text = m.reference
        left join store.cost_layer as l on l.product_id = p_product_id and m.id = l.movement_id
        where p.product_id = p_product_id
    ),

    summed as (
        select
            p.*,
            p.found || jsonb_build_object(
                'movement_id', p.movement_id,
                'quantity', p.quantity,
                'unit_cost', p.unit_cost,
                'cost', p.cost,
                'number', row_number() over w,
                'quantity_to_date', sum(p.quantity) over w,
                'cost_to_date', sum(p.cost) over w
            ) as row
        from purchase as p
        window w as (order by p.movement_id)
    )

    select 'purchase', s.found, s.row, case when s.is_unknown then format('No movement names purchase %s.', s.id) end
    from summed as s
    where s.found <> s.row or s.is_unknown;

    -- A sale, or a return, has the quantity and the cost of its movement. The revenue of a sale is quantity * price; where they
    -- differ, the totals to date tell which of the two is wrong. A return takes its share of the revenue that is still there.
    return query
    with recursive sale as (
        select
            s.id, to_jsonb(s) as found, s.created_at,
            s.quantity < 0 as is_return,
            coalesce(m.id, s.movement_id) as movement_id,
            coalesce(case when m.kind in ('sale', 'return') then m.on_hand_before - m.on_hand_after end, s.quantity) as quantity,
            case
                when m.kind in ('sale', 'return') then sign(m.on_hand_before - m.on_hand_after) * m.cost
                else s.cost
            end as cost,
            s.revenue,
            s.revenue_to_date - lag(s.revenue_to_date, 1, 0.0) over (order by s.number) as revenue_by_totals,
            s.unit_price,
            s.returned_sale_id,
            m.id is null and s.created_at >= v_start as is_unknown
        from store.sale as s
        left join store.movement as m
            on m.product_id = p_product_id and m.kind in ('sale', 'return', 'kit_sale', 'kit_return') and s.id::text = m.reference
        where s.product_id = p_product_id
    ),

    priced as (
        select
            s.*,
            case
                when s.is_return or round(s.quantity * s.unit_price, 3) in (s.revenue, s.revenue_by_totals) then s.unit_price
                when s.quantity >= 1 and s.revenue = s.revenue_by_totals then round(s.revenue / s.quantity, 3)
            end as true_price,
            -- The sale that came back: by the record, else by the layers that the units went into.
            case when s.is_return then coalesce(b.id, c.id) end as sold_id
        from sale as s
        left join sale as b on s.returned_sale_id = b.id and not b.is_return
        left join lateral (
            select t.id
            from store.cost_layer_use as u
            inner join sale as t on u.returns_movement_id = t.movement_id
            where u.product_id = p_product_id and u.movement_id = s.movement_id
            limit 1
        ) as c on s.is_return
    ),

    earned as (
        select p.*, case when not p.is_return then round(p.quantity * p.true_price, 3) end as true_revenue
        from priced as p
    ),

    coming_back as (
        select q.*, row_number() over (partition by q.sold_id order by q.movement_id) as place
        from earned as q
        where q.sold_id is not null
    ),

    returned as (
        select
            e.id, 0::bigint as place, null::bigint as return_id, null::numeric as revenue, e.true_revenue as revenue_left,
            e.quantity as quantity_left
        from earned as e
        where not e.is_return
        union all
        select
            r.id, q.place, q.id, k.revenue, r.revenue_left - k.revenue, r.quantity_left + q.quantity
        from returned as r
        inner join coming_back as q on r.id = q.sold_id and r.place + 1 = q.place
        cross join lateral (
            select inventory.share(r.revenue_left, -q.quantity, nullif(r.quantity_left, 0)) as revenue
        ) as k
    ),

    summed as (
        select
            e.*,
            e.found || jsonb_build_object(
                'movement_id', e.movement_id,
                'quantity', e.quantity,
                'cost', e.cost,
                'unit_price', e.true_price,
                'revenue', coalesce(e.true_revenue, -r.revenue),
                'returned_sale_id', e.sold_id,
                'number', row_number() over w,
                'quantity_to_date', sum(e.quantity) over w,
                'revenue_to_date', sum(coalesce(e.true_revenue, -r.revenue)) over w,
                'cost_to_date', coalesce(sum(e.cost) over w, 0),
                'without_cost_to_date', count(*) filter (where e.cost is null) over w
            ) as row
        from earned as e
        left join returned as r on e.id = r.return_id
        window w as (order by e.movement_id)
    )

    select
        'sale', s.found, s.row,
        case
            when s.is_unknown then format('No movement names sale %s.', s.id)
            when s.is_return and s.sold_id is null then format('The sale that return %s is of is lost.', s.id)
            when s.true_price is null then format('The price of sale %s, or its revenue, is lost.', s.id)
            when (s.is_return) <> (s.quantity < 0) then format('Sale %s and its movement are of another kind.', s.id)
        end
    from summed as s
    where s.found <> s.row or s.is_unknown;

    return query
    select
        k.kind, null::jsonb, null::jsonb,
        case
            when m.reference is null then format('Movement %s has lost its reference.', m.id)
            else format('The row of %s %s is lost: the ledger has its movement, %s.', m.kind, m.reference, m.id)
        end
    from store.movement as m
    cross join lateral (select case m.kind when 'purchase' then 'purchase' else 'sale' end as kind) as k
    where
        m.product_id = p_product_id
        and m.kind in ('purchase', 'sale', 'return', 'kit_sale', 'kit_return')
        and not exists (
            select from store.purchase as p where m.kind = 'purchase' and p.product_id = p_product_id and p.id::text = m.reference
        )
        and not exists (
            select from store.sale as s where m.kind <> 'purchase' and s.product_id = p_product_id and s.id::text = m.reference
        );
end;
$$;

comment on function maintenance.rebuild_trade(bigint) is
'What repairs the differences that maintenance.verify_trade() finds: quantity and cost of purchases, sales and returns from their
movements, revenue from the price, numbers and totals to date from the rows. Returns rows as maintenance.plan_of() does.';
