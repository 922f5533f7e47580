create or replace view report.sales as
select
    a.id as sale_id,
    a.product_id,
    p.sku_id,
    p.sku,
    a.quantity,
    a.unit_price,
    a.revenue,
    a.cost,
    a.revenue - a.cost as gross_margin,
    a.returned_sale_id,
    a.movement_id,
    a.actor,
    a.created_at
from store.sale as a
inner join store.product as p on a.product_id = p.id;

comment on view report.sales is
'Every sale (API 3), and every return as a separate row with a negative quantity, revenue and cost.';
comment on column report.sales.sale_id is 'Integer id of the sale or the return.';
comment on column report.sales.product_id is 'Integer id of the product.';
comment on column report.sales.sku_id is 'The product''s UUID.';
comment on column report.sales.sku is 'The product''s code.';
comment on column report.sales.quantity is 'Units sold; negative: units returned.';
comment on column report.sales.unit_price is 'Money for each unit at the time of the sale.';
comment on column report.sales.revenue is 'Money: quantity * unit_price, rounded half up to 3 decimals; negative: paid back.';
comment on column report.sales.cost is
'Money: the cost of the units, first in first out (see report.cost_layer_uses); null: not known.';
comment on column report.sales.gross_margin is 'Money: revenue - cost; null: the cost is not known.';
comment on column report.sales.returned_sale_id is 'For a return, the id of the sale.';
comment on column report.sales.movement_id is 'The movement: see report.movements.';
comment on column report.sales.actor is 'Who recorded the sale or return.';
comment on column report.sales.created_at is 'When the sale or return was recorded.';

grant select on report.sales to inventory_reporting;
