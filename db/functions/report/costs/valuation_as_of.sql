create or replace function report.valuation_as_of(
    p_at timestamptz default report.instant(),
    p_product_id bigint default null
)
returns table (
    product_id bigint,
    sku_id uuid,
    sku text,
    name text,
    quantity numeric,
    quantity_without_cost numeric,
    total_value numeric,
    average_cost numeric,
    moving_average_cost numeric,
    oldest_received_at timestamptz
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_argument('at', p_at is null);
    return query
    select
        a.product_id,
        p.sku_id,
        p.sku,
        p.name,
        a.on_hand,
        coalesce(l.without_cost, 0),
        coalesce(l.value, 0),
        inventory.quotient(l.value, a.on_hand - l.without_cost),
        inventory.quotient(a.average_value, a.average_quantity),
        l.oldest_received_at
    from inventory.stock_at(least(p_at, report.instant()), p_product_id) as a
    inner join store.product_ever as p on a.product_id = p.id
    left join (
        select
            c.product_id,
            coalesce(sum(c.remaining) filter (where c.remaining_value is null), 0) as without_cost,
            coalesce(sum(c.remaining_value), 0) as value,
            min(c.received_at) as oldest_received_at
        from inventory.cost_layers_at(least(p_at, report.instant()), p_product_id) as c
        group by c.product_id
    ) as l on a.product_id = l.product_id
    order by a.product_id;
end;
$$;

comment on function report.valuation_as_of(timestamptz, bigint) is
'The value of the stock at p_at: a row for each product that had an inventory then, in order of product_id.

A time in the future means now. The sum of total_value is the value of the whole stock. p_product_id: only this product.

product_id: the product''s integer id.
sku_id: its UUID.
sku: its code.
name: its name.
quantity: units on hand.
quantity_without_cost: the part of quantity without a known cost, which the values and averages leave out.
total_value: money: what the open cost layers held, first in first out, exact to 0.001.
average_cost: money for each unit: total_value divided by the units of known cost, to 3 decimals; null if there are none.
moving_average_cost: money for each unit by the moving average method, to 3 decimals; null if no cost is known.
oldest_received_at: when the oldest of these units arrived; null if there are none.';

grant execute on function report.valuation_as_of(timestamptz, bigint) to inventory_reporting;
