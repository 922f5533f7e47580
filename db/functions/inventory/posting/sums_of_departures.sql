create or replace function inventory.sums_of_departures(
    p_from timestamptz,
    p_to timestamptz,
    p_product_id bigint,
    p_with_sales boolean
)
returns table (product_id bigint, quantity numeric, cost numeric)
language sql
stable
as $$
select
    m.product_id,
    sum(m.on_hand_before - m.on_hand_after) as quantity,
    case when bool_and(m.cost is not null) then sum(sign(m.on_hand_before - m.on_hand_after) * m.cost) end as cost
from store.movement as m
inner join inventory.movement_kinds() as k on m.kind = k.kind
where
    m.created_at >= p_from
    and m.created_at < p_to
    and (p_product_id is null or m.product_id = p_product_id)
    and (p_with_sales or not k.is_sale)
    and (k.undoes = 'departure' or (m.on_hand_after < m.on_hand_before and k.undoes is null))
group by m.product_id
$$;

comment on function inventory.sums_of_departures(timestamptz, timestamptz, bigint, boolean) is
'The units that left the stock from p_from (inclusive) to p_to (exclusive), minus those that came back, of each product.

What takes an arrival back is no departure. cost: null if any is not known.

PostgreSQL inlines the function.';
