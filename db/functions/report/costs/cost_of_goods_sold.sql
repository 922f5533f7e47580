create or replace function report.cost_of_goods_sold(p_from timestamptz, p_to timestamptz, p_product_id bigint default null)
returns table (
    product_id bigint,
    sku_id uuid,
    sku text,
    name text,
    quantity_sold numeric,
    revenue numeric,
    cost_of_goods_sold numeric,
    gross_margin numeric,
    gross_margin_rate numeric,
    sales_without_cost bigint,
    other_quantity numeric,
    other_cost numeric
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
begin
    perform inventory.require_period(p_from, p_to);
    perform inventory.require_kept('from', nullif(p_from, '-infinity'));
    return query
    select
        p.id,
        p.sku_id,
        p.sku,
        p.name,
        coalesce(s.quantity, 0),
        coalesce(s.revenue, 0),
        case when s.product_id is null then 0 else s.cost end,
        case when s.product_id is null then 0 else s.revenue - s.cost end,
        round((s.revenue - s.cost) / nullif(s.revenue, 0), 4),
        coalesce(s.without_cost, 0),
        coalesce(o.quantity, 0),
        case when o.product_id is null then 0 else o.cost end
    from inventory.sums_of_sales(p_from, p_to, p_product_id) as s
    full join inventory.sums_of_departures(p_from, p_to, p_product_id, p_with_sales => false) as o
        on s.product_id = o.product_id
    inner join store.product_ever as p on coalesce(s.product_id, o.product_id) = p.id
    order by p.id;
end;
$$;

comment on function report.cost_of_goods_sold(timestamptz, timestamptz, bigint) is
'The units sold from p_from (inclusive) to p_to (exclusive), their cost and their margin, by product.

There is a row for each product of which units left or came back in that period, in order of product_id.
p_product_id: only this product.

product_id: the product''s integer id.
sku_id: its UUID.
sku: its code.
name: its name.
quantity_sold: units of sales (API 3), minus returned units.
revenue: money: what they were sold for.
cost_of_goods_sold: money: what they took from the cost layers, first in first out; null if the cost of any is not known.
gross_margin: revenue - cost_of_goods_sold; null if the cost is not known.
gross_margin_rate: gross_margin / revenue, to 4 decimals; null if there is no revenue.
sales_without_cost: the number of sales without a known cost.
other_quantity: units that left without a sale: consumed (API 2), converted (API 1), outflows (API 5) minus deleted ones,
corrections.
other_cost: money: what these took from the cost layers; null if the cost of any is not known.';

grant execute on function report.cost_of_goods_sold(timestamptz, timestamptz, bigint) to inventory_reporting;
