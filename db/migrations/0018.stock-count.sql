-- Counts of a product's whole stock at an instant (inventory.set_stocks). New objects only: nothing is locked for long.

set local lock_timeout = '5s';
set local statement_timeout = '1min';

create type inventory.stock_found as (
    id inventory.product_reference,
    quantity inventory.quantity,
    counted_at timestamptz,
    reason inventory.reason
);
comment on type inventory.stock_found is 'How many units of a product were counted, when (null: now) and why.';

create domain inventory.stock_findings as inventory.stock_found[]
constraint stock_findings_count check (cardinality(value) between 1 and 1000);
comment on domain inventory.stock_findings is 'Counts of 1 to 1000 products.';

create table store.stock_count (
    product_id bigint not null,
    counted_at timestamptz not null,
    quantity numeric(12, 3) not null,
    difference numeric(12, 3) not null,
    number bigint,
    reason text,
    counted_by text not null,
    created_at timestamptz not null,
    constraint stock_count_pkey primary key (product_id, counted_at),
    constraint stock_count_product_id_fkey foreign key (product_id) references store.product (id) on delete cascade,
    constraint stock_count_quantity_range check (quantity >= numeric '0'),
    constraint stock_count_has_movement check ((difference = numeric '0') = (number is null))
);
comment on table store.stock_count is 'Counts of the whole stock of a product: on hand at counted_at was set to the quantity.';
comment on column store.stock_count.difference is 'What the count added to on hand, now and at counted_at.';
comment on column store.stock_count.number is 'The number of the movement that booked the difference; null if there was none.';
comment on column store.stock_count.created_at is 'When it was booked.';
