create or replace function report.turnover(p_from timestamptz, p_to timestamptz, p_product_id bigint default null)
returns table (
    product_id bigint,
    sku_id uuid,
    sku text,
    name text,
    opening_quantity numeric,
    closing_quantity numeric,
    quantity_out numeric,
    opening_value numeric,
    closing_value numeric,
    cost_out numeric,
    turnover numeric,
    days_of_stock numeric
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    -- A period without a beginning starts with the first stock row or the ledger, and one without an end ends now.
    v_from constant timestamptz := case
        when isfinite(p_from) then p_from
        else greatest((select min(s.created_at) from store.stock as s), inventory.ledger_start())
    end;
    v_to constant timestamptz := case when isfinite(p_to) then p_to else report.instant() end;
begin
    perform inventory.require_period(p_from, p_to);
    return query
    with measured as (
        select
            c.product_id,
            coalesce(o.quantity, 0) as opening_quantity,
            c.quantity as closing_quantity,
            coalesce(o.total_value, 0) as opening_value,
            c.total_value as closing_value,
            coalesce(d.quantity, 0) as quantity_out,
            case when d.product_id is null then 0 else d.cost end as cost_out
        from report.valuation_as_of(v_to - interval '1 microsecond', p_product_id) as c
        left join report.valuation_as_of(v_from - interval '1 microsecond', p_product_id) as o on c.product_id = o.product_id
        left join inventory.sums_of_departures(v_from, v_to, p_product_id, p_with_sales => true) as d
            on c.product_id = d.product_id
    )

    select
        p.id,
        p.sku_id,
        p.sku,
        p.name,
        m.opening_quantity,
        m.closing_quantity,
        m.quantity_out,
        m.opening_value,
        m.closing_value,
        m.cost_out,
        inventory.quotient(m.cost_out * 2, m.opening_value + m.closing_value),
        round(
            extract(epoch from least(v_to, report.instant()) - v_from) / 86400
            * (m.opening_value + m.closing_value) / (2 * nullif(m.cost_out, 0)),
            1
        )
    from measured as m
    inner join store.product_ever as p on m.product_id = p.id
    order by p.id;
end;
$$;

comment on function report.turnover(timestamptz, timestamptz, bigint) is
'How often the stock of each product was sold from p_from (inclusive) to p_to (exclusive), in order of product_id.

There is a row for each product that had an inventory at p_to. A period that ends in the future is measured up to now.
p_product_id: only this product.

product_id: the product''s integer id.
sku_id: its UUID.
sku: its code.
name: its name.
opening_quantity: units on hand at p_from.
closing_quantity: units on hand at p_to.
quantity_out: units that left in the period, minus returned units.
opening_value: money: known value of the stock at p_from, first in first out.
closing_value: money: known value of the stock at p_to.
cost_out: money: the cost of the departures in the period, minus returned units; null if the cost of any is not known.
turnover: cost_out divided by the mean of opening_value and closing_value, to 3 decimals; null if that mean is 0.
days_of_stock: the days of the period (up to now) divided by turnover, to 1 decimal: how long the stock lasts; null if no units
left the stock.';

grant execute on function report.turnover(timestamptz, timestamptz, bigint) to inventory_reporting;
