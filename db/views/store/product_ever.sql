create or replace view store.product_ever as
select
    p.id,
    p.sku_id,
    p.sku,
    p.name
from store.product as p
union all
select
    d.id,
    d.sku_id,
    d.sku,
    d.name
from store.deleted_product as d;

comment on view store.product_ever is 'All products, including deleted ones, whose rows are still in the ledger.';
comment on column store.product_ever.id is 'Integer id of the product.';
comment on column store.product_ever.sku_id is 'The product''s UUID.';
comment on column store.product_ever.sku is 'The product''s code. Another product may now have the code of a deleted product.';
comment on column store.product_ever.name is 'The product''s name.';
