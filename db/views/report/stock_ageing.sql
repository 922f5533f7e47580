create or replace view report.stock_ageing as
select
    l.product_id,
    p.sku_id,
    p.sku,
    p.name,
    sum(l.remaining) as quantity,
    coalesce(sum(l.remaining) filter (where l.age < 30), 0) as quantity_under_30,
    coalesce(sum(l.remaining) filter (where l.age >= 30 and l.age < 60), 0) as quantity_30_to_60,
    coalesce(sum(l.remaining) filter (where l.age >= 60 and l.age < 90), 0) as quantity_60_to_90,
    coalesce(sum(l.remaining) filter (where l.age >= 90), 0) as quantity_over_90,
    coalesce(sum(l.remaining_value) filter (where l.age < 30), 0) as value_under_30,
    coalesce(sum(l.remaining_value) filter (where l.age >= 30 and l.age < 60), 0) as value_30_to_60,
    coalesce(sum(l.remaining_value) filter (where l.age >= 60 and l.age < 90), 0) as value_60_to_90,
    coalesce(sum(l.remaining_value) filter (where l.age >= 90), 0) as value_over_90,
    coalesce(sum(l.remaining) filter (where l.remaining_value is null), 0) as quantity_without_cost,
    min(l.received_at) as oldest_received_at,
    round(sum(l.age * l.remaining) / sum(l.remaining), 1) as average_age
from (
    select
        c.product_id,
        c.remaining,
        c.remaining_value,
        c.received_at,
        extract(epoch from report.instant() - c.received_at) / 86400 as age
    from store.cost_layer as c
    where c.is_open
) as l
inner join store.product as p on l.product_id = p.id
group by l.product_id, p.sku_id, p.sku, p.name;

comment on view report.stock_ageing is
'The age and the value of the stock of each product that has any, first in first out.';
comment on column report.stock_ageing.product_id is 'Integer id of the product.';
comment on column report.stock_ageing.sku_id is 'The product''s UUID.';
comment on column report.stock_ageing.sku is 'The product''s code.';
comment on column report.stock_ageing.name is 'The product''s name.';
comment on column report.stock_ageing.quantity is 'Units on hand.';
comment on column report.stock_ageing.quantity_under_30 is 'Units that have been there for less than 30 days.';
comment on column report.stock_ageing.quantity_30_to_60 is 'Units that have been there for 30 to 60 days.';
comment on column report.stock_ageing.quantity_60_to_90 is 'Units that have been there for 60 to 90 days.';
comment on column report.stock_ageing.quantity_over_90 is 'Units that have been there for 90 days or more.';
comment on column report.stock_ageing.value_under_30 is
'Money: known value of the units that have been there for less than 30 days.';
comment on column report.stock_ageing.value_30_to_60 is 'Money: known value of the units that have been there for 30 to 60 days.';
comment on column report.stock_ageing.value_60_to_90 is 'Money: known value of the units that have been there for 60 to 90 days.';
comment on column report.stock_ageing.value_over_90 is
'Money: known value of the units that have been there for 90 days or more.';
comment on column report.stock_ageing.quantity_without_cost is 'Units without a known cost, which the values leave out.';
comment on column report.stock_ageing.oldest_received_at is 'When the oldest of the units arrived.';
comment on column report.stock_ageing.average_age is 'The average age of a unit in days, to 1 decimal.';

grant select on report.stock_ageing to inventory_reporting;
