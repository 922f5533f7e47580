-- The rows that the views of JSON nest, and an index: a page of purchases is found by its ids, as one of sales is.

-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '10min';

create type inventory.reference as (id bigint, name text);
comment on type inventory.reference is 'What something belongs to, by its name.';

create type inventory.product_summary as (id bigint, name text, sku text, sku_id uuid);
comment on type inventory.product_summary is 'A product as API 3 shows it inside of something else.';

create type inventory.product_title as (id bigint, sku text, sku_id uuid, title text);
comment on type inventory.product_title is 'A product as API 5 shows it inside of something else.';

create index purchase_id_idx on store.purchase (id);
