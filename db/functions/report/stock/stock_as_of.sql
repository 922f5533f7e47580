create or replace function report.stock_as_of(p_at timestamptz default report.instant(), p_product_id bigint default null)
returns table (
    product_id bigint,
    sku_id uuid,
    sku text,
    name text,
    unit text,
    on_hand numeric,
    reserved numeric,
    blocked numeric,
    available numeric
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_argument('at', p_at is null);
    return query
    select a.product_id, p.sku_id, p.sku, p.name, u.name, a.on_hand, a.reserved, a.blocked, a.available
    from inventory.stock_at(least(p_at, report.instant()), p_product_id) as a
    inner join store.product_ever as p on a.product_id = p.id
    left join store.stock as s on a.product_id = s.product_id
    left join store.deleted_product as d on a.product_id = d.id
    inner join store.unit as u on coalesce(s.unit_id, d.unit_id) = u.id
    order by a.product_id;
end;
$$;

comment on function report.stock_as_of(timestamptz, bigint) is
'The stock at p_at: a row for each product that had an inventory then, in order of product_id.

It is calculated from the movements that were written up to p_at. A time in the future means now. p_product_id: only this product.

product_id: the product''s integer id.
sku_id: its UUID.
sku: its code.
name: its name.
unit: the unit that the quantities are in.
on_hand: units physically there.
reserved: units promised by reservations (API 2).
blocked: units held by temporary blocks that were active then (API 1).
available: on_hand - reserved - blocked.';

grant execute on function report.stock_as_of(timestamptz, bigint) to inventory_reporting;
