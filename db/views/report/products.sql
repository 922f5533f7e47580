create or replace view report.products as
select
    p.id as product_id,
    p.sku_id,
    p.sku,
    p.name,
    p.description,
    c.name as category,
    b.name as brand,
    p.serial_number,
    p.cost_price,
    (
        select r.amount
        from store.price as r
        where
            r.product_id = p.id
            and r.price_type = 'retail'
            and r.effective_from <= report.instant()
            and (r.effective_to is null or r.effective_to > report.instant())
        order by r.effective_from desc, r.id desc
        limit 1
    ) as retail_price,
    p.created_at,
    p.updated_at
from store.product as p
left join store.category as c on p.category_id = c.id
left join store.brand as b on p.brand_id = b.id;

comment on view report.products is 'The products of the catalog, with or without an inventory, one row for each.';
comment on column report.products.product_id is 'Integer id of the product, which APIs 2, 3 and 5 use.';
comment on column report.products.sku_id is 'UUID of the product, which API 1 uses.';
comment on column report.products.sku is 'Unique code of the product, which APIs 1, 3 and 4 use.';
comment on column report.products.name is 'The product''s name, or title.';
comment on column report.products.description is 'The description of the product.';
comment on column report.products.category is 'The category''s name; null: none.';
comment on column report.products.brand is 'The brand''s name; null: none.';
comment on column report.products.serial_number is 'The manufacturer''s serial number; null: none.';
comment on column report.products.cost_price is 'Money: the cost of a unit if an arrival does not state one; null: not known.';
comment on column report.products.retail_price is 'Money: the active retail price; null: none.';
comment on column report.products.created_at is 'When the product was created.';
comment on column report.products.updated_at is 'When the product or one of its prices last changed.';

grant select on report.products to inventory_reporting;
