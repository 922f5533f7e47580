-- API 4: what lies where, the audit trail of ART orders, and counts.

-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid, ban-drop-constraint

set local lock_timeout = '5s';
set local statement_timeout = '10min';

create domain inventory.location_code as text
constraint location_code_form check (value ~ '^RACK-[A-Z][0-9]-[0-9]{2}$');
comment on domain inventory.location_code is 'A place: RACK-<section><aisle>-<position>, as RACK-A1-01.';

create domain inventory.art_sku as text
constraint art_sku_form check (value ~ '^[A-Za-z0-9_-]{1,50}$');
comment on domain inventory.art_sku is 'A SKU code that API 4 can take: 1 to 50 letters, digits, _ and -.';

create domain inventory.art_reason as text
constraint art_reason_length check (length(value) <= 255);
comment on domain inventory.art_reason is 'The reason of an ART order: up to 255 characters.';

create domain inventory.art_type as text
constraint art_type_known check (value in ('Add', 'Remove', 'Transfer', 'Count', 'Adjust'));
comment on domain inventory.art_type is 'The type of an ART order: Add, Remove, Transfer, Count or Adjust.';

create domain inventory.art_quantity as integer
constraint art_quantity_range check (value between -1000000 and 1000000);
comment on domain inventory.art_quantity is
'Whole units of an ART order: 1 to 1 000 000; a Count may find 0, an Adjust may be below 0.';

create type inventory.art_order as (
    type inventory.art_type,
    sku inventory.art_sku,
    quantity inventory.art_quantity,
    from_location inventory.location_code,
    to_location inventory.location_code,
    reason inventory.art_reason,
    sufficient_stock boolean
);
comment on type inventory.art_order is 'An ART order: what to add, remove, transfer, count or adjust, and where.';

create domain inventory.art_orders as inventory.art_order[]
constraint art_orders_count check (cardinality(value) between 1 and 1000);
comment on domain inventory.art_orders is '1 to 1000 ART orders.';

create domain inventory.count_quantity as integer
constraint count_quantity_range check (value between 0 and 1000000);
comment on domain inventory.count_quantity is 'Whole units that were found: 0 to 1 000 000.';

create domain inventory.count_status as text
constraint count_status_known check (value in ('open', 'closed', 'cancelled'));
comment on domain inventory.count_status is 'The status of a count: open, closed or cancelled.';

create type inventory.count_found as (
    sku inventory.art_sku,
    quantity inventory.count_quantity
);
comment on type inventory.count_found is 'What was found of a product.';

create domain inventory.count_lines as inventory.count_found[]
constraint count_lines_count check (cardinality(value) between 1 and 1000);
comment on domain inventory.count_lines is '1 to 1000 lines of a count.';

-- What lies at places

alter table store.stock add column located numeric(12, 3) not null default 0;
alter table store.stock add constraint stock_located_within check (located between 0 and on_hand);
comment on column store.stock.located is
'The part of on_hand that lies at named places (store.location_stock); the rest is unlocated.';
create index location_stock_location_idx on store.location_stock (location_id, product_id);

create table store.location_movement (
    product_id bigint not null,
    movement_id bigint not null,
    location_id bigint not null,
    quantity_before numeric(12, 3) not null,
    quantity_after numeric(12, 3) not null,
    primary key (product_id, movement_id, location_id),
    constraint location_movement_not_negative check (quantity_before >= 0 and quantity_after >= 0)
);
comment on table store.location_movement is
'The lines of a movement: what it changed at which place. What lies at a place is the sum of them.';

alter table store.movement drop constraint movement_kind_known;
alter table store.movement add constraint movement_kind_known check (
    kind in (
        'initial', 'add', 'reserve', 'release', 'consume', 'block', 'convert', 'cancel', 'expire',
        'purchase', 'sale', 'return', 'adjust', 'remove', 'transfer', 'count'
    )
);

-- The audit trail

create table store.art_operation (
    id bigint generated always as identity primary key,
    operation_type text not null,
    product_id bigint not null,
    sku text not null,
    quantity numeric(12, 3) not null,
    from_location text,
    to_location text,
    booked_quantity numeric(12, 3),
    reason text,
    movement_id bigint,
    count_id bigint,
    actor text not null,
    created_at timestamptz not null,
    constraint art_operation_type_known check (operation_type in ('Add', 'Remove', 'Transfer', 'Count', 'Adjust'))
);
create index art_operation_sku_idx on store.art_operation (sku, id);
create index art_operation_type_idx on store.art_operation (operation_type, id);
create index art_operation_from_idx on store.art_operation (from_location, id) where from_location is not null;
create index art_operation_to_idx on store.art_operation (to_location, id) where to_location is not null;
create index art_operation_created_idx on store.art_operation using brin (created_at) with (autosummarize = on);
comment on table store.art_operation is 'The audit trail of ART orders: one row an order, written with what it did.';
comment on column store.art_operation.sku is 'The product''s code as it was then.';
comment on column store.art_operation.booked_quantity is 'Of a Count, what was booked at the place before it.';
comment on column store.art_operation.movement_id is 'Its movement; null where nothing moved.';
comment on column store.art_operation.count_id is 'The count that booked it.';

-- Counts

create table store.count (
    id bigint generated always as identity primary key,
    location_id bigint not null references store.location (id),
    status text not null default 'open',
    started_by text not null,
    started_at timestamptz not null,
    closed_by text,
    closed_at timestamptz,
    constraint count_status_known check (status in ('open', 'closed', 'cancelled')),
    constraint count_closed_once check ((status = 'open') = (closed_at is null))
);
create unique index count_open_key on store.count (location_id) where status = 'open';
create index count_location_idx on store.count (location_id, id);
comment on table store.count is 'Cycle counts of places. A place has one that is open at the most.';

create table store.count_line (
    count_id bigint not null references store.count (id),
    product_id bigint not null references store.product (id),
    counted_quantity numeric(12, 3) not null,
    booked_quantity numeric(12, 3) not null,
    counted_by text not null,
    counted_at timestamptz not null,
    operation_id bigint references store.art_operation (id),
    primary key (count_id, product_id),
    constraint count_line_quantity_not_negative check (counted_quantity >= 0)
);
comment on table store.count_line is 'What was found of a product at the place.';
comment on column store.count_line.booked_quantity is
'What was booked there at the instant of counting: what moves afterwards is no difference.';
comment on column store.count_line.operation_id is 'The Count that closing the count booked.';
