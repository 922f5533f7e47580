-- API 5: brands, categories, inflows and outflows, what is deleted, prices that can be searched, and exact counts of large
-- lists. It fills columns and builds indexes: on a large database, plan for a pause.

-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid, ban-drop-constraint
-- squawk-ignore-file adding-foreign-key-constraint

set local lock_timeout = '5s';
set local statement_timeout = '1h';

create domain inventory.catalog_money as numeric
constraint catalog_money_range check (value between 0 and 99999999999999999999.99)
constraint catalog_money_places check (value = round(value, 2));
comment on domain inventory.catalog_money is
'An amount of money as API 5 takes it: 0 or more, at most 20 digits before the decimal point and 2 after it.';

create domain inventory.whole_quantity as integer
constraint whole_quantity_range check (value between 0 and 999999999);
comment on domain inventory.whole_quantity is 'Whole units of stock: 0 to 999 999 999.';

create domain inventory.positive_whole_quantity as integer
constraint positive_whole_quantity_range check (value between 1 and 999999999);
comment on domain inventory.positive_whole_quantity is 'Whole units of stock: 1 to 999 999 999.';

create domain inventory.serial_number as text
constraint serial_number_length check (length(value) <= 255);
comment on domain inventory.serial_number is 'A maker''s serial number, free text of up to 255 characters.';

create domain inventory.related_id as bigint
constraint related_id_range check (value >= -9223372036854775808);
comment on domain inventory.related_id is 'The integer id of another thing that a body names.';

-- Brands, categories, suppliers

create table store.brand (
    id bigint generated always as identity primary key,
    name text not null,
    description text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index brand_name_key on store.brand (lower(name));
comment on table store.brand is 'Brands (API 5). Names mind no case.';

create table store.category (
    id bigint generated always as identity primary key,
    name text not null,
    description text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index category_name_key on store.category (lower(name));
comment on table store.category is 'Categories of products (API 5). Names mind no case.';

alter table store.supplier add column description text;
create index supplier_name_idx on store.supplier (name, id);
create index supplier_search_idx on store.supplier using gin (name extensions.gin_trgm_ops);

-- Products

create sequence store.sku_seq;
comment on sequence store.sku_seq is 'Numbers the codes of products that are made without one.';

alter table store.product
add column category_id bigint references store.category (id),
add column brand_id bigint references store.brand (id),
add column serial_number text,
add column retail_price numeric(23, 3);
comment on column store.product.retail_price is
'The active retail price, for lists to search and sort by; right but for what store.price_turn still has to do.';

create table store.price_turn (
    product_id bigint not null references store.product (id) on delete cascade,
    price_type text not null,
    at timestamptz not null,
    primary key (product_id, price_type, at)
);
create index price_turn_at_idx on store.price_turn (at);
comment on table store.price_turn is
'The instants ahead at which a price rule begins or ends: what hangs on the active price is brought up to date then.';

insert into store.price_turn (product_id, price_type, at)
select
    r.product_id,
    r.price_type,
    t.at
from store.price as r
cross join lateral (values (r.effective_from), (r.effective_to)) as t (at)
where t.at > now()
on conflict do nothing;

update store.product as p
set retail_price = r.amount
from (
    select distinct on (r.product_id)
        r.product_id,
        r.amount
    from store.price as r
    where r.price_type = 'retail' and r.effective_from <= now() and (r.effective_to is null or r.effective_to > now())
    order by r.product_id asc, r.effective_from desc, r.id desc
) as r
where p.id = r.product_id;

create index product_name_idx on store.product (name, id);
create index product_created_idx on store.product (created_at, id);
create index product_retail_price_idx on store.product (retail_price, id);
create index product_category_idx on store.product (category_id, retail_price, id);
create index product_brand_idx on store.product (brand_id, retail_price, id);

-- Counts

create table store.row_count (
    subject text not null,
    category_id bigint,
    brand_id bigint,
    delta bigint not null
);
create index row_count_subject_idx on store.row_count (subject, category_id) include (brand_id, delta);
create index row_count_brand_idx on store.row_count (subject, brand_id) include (category_id, delta);
comment on table store.row_count is
'How many rows large lists have: their number is the sum of delta. Only ever inserted into by who adds or deletes a row, so
that none of them waits for another; summed up now and then.';
comment on column store.row_count.subject is 'product, product by category and brand, inflow or outflow.';

insert into store.row_count (subject, category_id, brand_id, delta)
select
    'product' as subject,
    null as category_id,
    null as brand_id,
    count(*) as delta
from store.product;

-- What is deleted

create table store.deleted_product (
    id bigint primary key,
    sku_id uuid not null,
    sku text not null,
    name text not null,
    description text,
    unit_id integer,
    stocked_at timestamptz,
    created_at timestamptz not null,
    deleted_at timestamptz not null,
    deleted_by text not null
);
comment on table store.deleted_product is
'Products that were deleted: their movements, cost layers and prices stay, and these rows say whose they were.';
comment on column store.deleted_product.stocked_at is 'Since when it had an inventory; null: it had none.';

-- What is written under the lock of a product's stock row, or its own, has a product by that; what must outlive the product
-- cannot refer to it.
alter table store.movement drop constraint movement_product_id_fkey;
alter table store.cost_layer drop constraint cost_layer_product_id_fkey;
alter table store.price drop constraint price_product_id_fkey;
alter table store.block drop constraint block_product_id_fkey;
create index count_line_product_idx on store.count_line (product_id);
create index art_operation_product_idx on store.art_operation (product_id);

-- Flows

alter table store.movement drop constraint movement_kind_known;
alter table store.movement add constraint movement_kind_known check (
    kind in (
        'initial', 'add', 'reserve', 'release', 'consume', 'block', 'convert', 'cancel', 'expire',
        'purchase', 'sale', 'return', 'adjust', 'remove', 'transfer', 'count',
        'inflow', 'outflow', 'delete_inflow', 'delete_outflow', 'delete_product'
    )
);

create sequence store.inflow_id_seq;
create table store.inflow (
    product_id bigint not null references store.product (id),
    id bigint not null default nextval('store.inflow_id_seq'),
    supplier_id bigint not null references store.supplier (id),
    movement_id bigint not null,
    quantity numeric(12, 3) not null,
    description text,
    actor text not null,
    created_at timestamptz not null,
    primary key (product_id, id),
    constraint inflow_quantity_positive check (quantity > 0)
);
alter sequence store.inflow_id_seq owned by store.inflow.id;
create unique index inflow_id_key on store.inflow (id);
create index inflow_supplier_idx on store.inflow (supplier_id, id);
create index inflow_created_idx on store.inflow (created_at, id);
comment on table store.inflow is 'Inflows (API 5), never changed. An inflow''s cost layer is the one of its movement.';

create sequence store.outflow_id_seq;
create table store.outflow (
    product_id bigint not null references store.product (id),
    id bigint not null default nextval('store.outflow_id_seq'),
    movement_id bigint not null,
    quantity numeric(12, 3) not null,
    description text,
    actor text not null,
    created_at timestamptz not null,
    primary key (product_id, id),
    constraint outflow_quantity_positive check (quantity > 0)
);
alter sequence store.outflow_id_seq owned by store.outflow.id;
create unique index outflow_id_key on store.outflow (id);
create index outflow_created_idx on store.outflow (created_at, id);
comment on table store.outflow is 'Outflows (API 5), never changed.';

create table store.deleted_flow (
    kind text not null,
    id bigint not null,
    product_id bigint not null,
    supplier_id bigint,
    movement_id bigint not null,
    quantity numeric(12, 3) not null,
    description text,
    actor text not null,
    created_at timestamptz not null,
    deletion_movement_id bigint not null,
    deleted_by text not null,
    deleted_at timestamptz not null,
    primary key (kind, id),
    constraint deleted_flow_kind_known check (kind in ('inflow', 'outflow'))
);
comment on table store.deleted_flow is 'Inflows and outflows that were deleted, and the movements that undid them.';

insert into store.job (name) values ('turn_prices');
