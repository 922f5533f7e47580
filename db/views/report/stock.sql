create or replace view report.stock as
select
    p.id as product_id,
    p.sku_id,
    p.sku,
    p.name,
    u.name as unit,
    s.status,
    (
        case when s.is_kit then k.available + s.reserved + s.blocked - coalesce(l.quantity, 0) else s.on_hand end
    )::numeric(12, 3) as on_hand,
    s.reserved,
    s.blocked - coalesce(l.quantity, 0) as blocked,
    case when s.is_kit then k.available else s.on_hand - s.reserved - s.blocked + coalesce(l.quantity, 0) end as available,
    s.reorder_point,
    s.updated_at
from store.stock as s
inner join store.product as p on s.product_id = p.id
inner join store.unit as u on s.unit_id = u.id
left join lateral (
    select sum(b.quantity) as quantity
    from store.block as b
    where b.product_id = s.product_id and b.status = 'active' and b.expires_at <= report.instant()
) as l on true
left join lateral (
    select round(min(floor((t.on_hand - t.reserved - t.blocked + coalesce(e.quantity, 0)) / c.quantity)), 3) as available
    from store.kit_part as c
    inner join store.stock as t on c.part_id = t.product_id
    left join lateral (
        select sum(b.quantity) as quantity
        from store.block as b
        where b.product_id = t.product_id and b.status = 'active' and b.expires_at <= report.instant()
    ) as e on true
    where s.is_kit and c.kit_id = s.product_id
) as k on true;

comment on view report.stock is
'The current balances of each product with an inventory, in units. Expired blocks hold nothing, even if no job has ended them
yet. A kit has as many available as its parts allow, and on hand the promised ones besides.';
comment on column report.stock.product_id is 'Integer id of the product, which APIs 2, 3 and 5 use.';
comment on column report.stock.sku_id is 'UUID of the product, which API 1 uses.';
comment on column report.stock.sku is 'Unique code of the product, which APIs 1, 3 and 4 use.';
comment on column report.stock.name is 'The product''s name.';
comment on column report.stock.unit is 'The unit that the quantities are in.';
comment on column report.stock.status is 'active, inactive or archived.';
comment on column report.stock.on_hand is 'Units on hand.';
comment on column report.stock.reserved is 'Units promised by reservations (API 2).';
comment on column report.stock.blocked is 'Units held by active temporary blocks (API 1).';
comment on column report.stock.available is 'on_hand - reserved - blocked.';
comment on column report.stock.reorder_point is
'The number of units on hand at or below which the product should be reordered; null: not set.';
comment on column report.stock.updated_at is 'When a balance, the status or the reorder point last changed.';

grant select on report.stock to inventory_reporting;
