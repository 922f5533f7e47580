create or replace view report.location_stock as
select
    h.product_id,
    p.sku_id,
    p.sku,
    p.name,
    h.location,
    h.quantity,
    h.arrived_at
from (
    select
        l.product_id,
        o.code as location,
        l.quantity,
        l.arrived_at
    from store.location_stock as l
    inner join store.location as o on l.location_id = o.id
    where l.quantity > 0
    union all
    select
        s.product_id,
        null as location,
        s.on_hand - s.located as quantity,
        null as arrived_at
    from store.stock as s
    where s.on_hand > s.located
) as h
inner join store.product as p on h.product_id = p.id;

comment on view report.location_stock is
'The stock of each location: a row for each product and location, and a row without a location for unlocated units. The rows of a
product add up to its units on hand.';
comment on column report.location_stock.product_id is 'Integer id of the product.';
comment on column report.location_stock.sku_id is 'The product''s UUID.';
comment on column report.location_stock.sku is 'The product''s code.';
comment on column report.location_stock.name is 'The product''s name.';
comment on column report.location_stock.location is 'The location''s code; null: unlocated.';
comment on column report.location_stock.quantity is 'Units at the location.';
comment on column report.location_stock.arrived_at is
'Since when the location holds units of the product. Departures that name no location take units in this order.';

grant select on report.location_stock to inventory_reporting;
