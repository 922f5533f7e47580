create or replace function inventory.sums_of_sales(
    p_from timestamptz,
    p_to timestamptz,
    p_product_id bigint default null,
    p_timezone text default null
)
returns table (
    product_id bigint,
    date date,
    sales bigint,
    quantity numeric,
    revenue numeric,
    cost numeric,
    quantity_returned numeric,
    without_cost bigint
)
language sql
stable
as $$
select
    case when p_timezone is null then e.product_id end as product_id,
    (e.created_at at time zone p_timezone)::date as date,
    count(*) filter (where e.returned_sale_id is null) as sales,
    sum(e.quantity) as quantity,
    sum(e.revenue) as revenue,
    case when bool_and(e.cost is not null) then sum(e.cost) end as cost,
    -sum(e.quantity) filter (where e.returned_sale_id is not null) as quantity_returned,
    count(*) filter (where e.cost is null) as without_cost
from store.sale as e
where e.created_at >= p_from and e.created_at < p_to and (p_product_id is null or e.product_id = p_product_id)
group by 1, 2
$$;

comment on function inventory.sums_of_sales(timestamptz, timestamptz, bigint, text) is
'The sales from p_from (inclusive) to p_to (exclusive), of each product; with a time zone, of each of its days, of all products.

A return counts when it was recorded, and lowers quantity, revenue and cost. cost: null if any is not known.

PostgreSQL inlines the function.';
