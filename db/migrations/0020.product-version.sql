-- The version of a product, which is a part of its tag (inventory.product_tag). The default is a constant: no row is written.

set local lock_timeout = '5s';
set local statement_timeout = '1min';

alter table store.product add column version bigint not null default 1;
comment on column store.product.version is
'How often something of the product has changed that no movement tells of: a field, a price, its inventory, the end of a block.';
