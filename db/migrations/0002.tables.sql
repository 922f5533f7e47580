-- One stock and one ledger behind five APIs. Every rule locks the product's row in store.stock first; whatever else
-- belongs to a product (blocks, cost layers, places) is only touched under that lock.
-- Constraint names are part of the interface: tests and error handling know them.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table store.setting (
    singleton boolean primary key default true,
    block_duration interval not null default '15 minutes',
    block_duration_maximum interval not null default '30 days',
    idempotency_lifetime interval not null default '24 hours',
    password_cost integer not null default 10,
    constraint setting_one_row check (singleton),
    constraint setting_block_duration_range
    check (block_duration > interval '0' and block_duration <= block_duration_maximum),
    constraint setting_block_duration_maximum_range check (block_duration_maximum <= interval '3650 days'),
    constraint setting_idempotency_lifetime_range
    check (idempotency_lifetime > interval '0' and idempotency_lifetime <= interval '365 days'),
    constraint setting_password_cost_range check (password_cost between 4 and 16)
);
comment on table store.setting is 'One row: what an operator may tune at run time, through maintenance.configure().';
comment on column store.setting.block_duration is 'How long a temporary block lasts whose caller names no end.';
comment on column store.setting.block_duration_maximum is 'No block lasts longer, extensions included.';
comment on column store.setting.idempotency_lifetime is 'How long an Idempotency-Key is remembered.';
comment on column store.setting.password_cost is 'bcrypt''s cost for new password hashes: each step doubles the time.';
insert into store.setting default values;

create table store.unit (
    id integer generated always as identity primary key,
    name text not null,
    symbol text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index unit_name_key on store.unit (lower(name));
comment on table store.unit is 'Units of measure. Kilogram has id 3, as in the sample of API 3.';
insert into store.unit (name, symbol) values ('Piece', 'pc'), ('Litre', 'l'), ('Kilogram', 'kg');

create table store.product (
    id bigint generated always as identity primary key,
    sku_id uuid not null,
    sku text not null,
    name text not null,
    description text,
    cost_price numeric(23, 3),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint product_sku_id_key unique (sku_id),
    constraint product_sku_key unique (sku),
    constraint product_cost_price_not_negative check (cost_price >= 0)
);
comment on table store.product is 'What can be stocked. id: APIs 2, 3, 5; sku_id: API 1; sku: APIs 1, 3, 4.';
comment on column store.product.cost_price is 'What a unit costs when an arrival does not say; null: unknown.';

create table store.stock (
    product_id bigint primary key references store.product (id),
    on_hand numeric(12, 3) not null default 0,
    reserved numeric(12, 3) not null default 0,
    blocked numeric(12, 3) not null default 0,
    status text not null default 'active',
    unit_id integer not null default 1 references store.unit (id),
    reorder_point numeric(12, 3),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint stock_on_hand_not_negative check (on_hand >= 0),
    constraint stock_reserved_not_negative check (reserved >= 0),
    constraint stock_blocked_not_negative check (blocked >= 0),
    constraint stock_available_not_negative check (on_hand - reserved - blocked >= 0),
    constraint stock_reorder_point_not_negative check (reorder_point >= 0),
    constraint stock_status_known check (status in ('active', 'inactive', 'archived'))
) with (fillfactor = 80);
comment on table store.stock is
'The balances of a product and the lock that orders everything about it. available = on_hand - reserved - blocked.';
comment on column store.stock.on_hand is 'Units physically there.';
comment on column store.stock.reserved is 'Units promised by API 2, with no block behind them.';
comment on column store.stock.blocked is
'Units held by blocks of status active, those whose time is over but that no one has ended yet included.';

create table store.block (
    id uuid not null,
    product_id bigint not null references store.product (id),
    quantity numeric(12, 3) not null,
    reason text,
    status text not null default 'active',
    expires_at timestamptz not null,
    created_at timestamptz not null,
    created_by text not null,
    ended_at timestamptz,
    ended_reason text,
    ended_by text,
    converted_quantity numeric(12, 3),
    primary key (id, product_id),
    constraint block_quantity_positive check (quantity > 0),
    constraint block_status_known check (status in ('active', 'converted', 'cancelled', 'expired')),
    constraint block_expires_after_creation check (expires_at > created_at),
    constraint block_ends_once check ((status = 'active') = (ended_at is null)),
    constraint block_converted_within check (
        (status = 'converted') = (converted_quantity is not null)
        and (converted_quantity is null or converted_quantity between 0 and quantity)
    )
) with (fillfactor = 90);
comment on table store.block is
'Temporary blocks (API 1). A block is over at expires_at, whatever its status says: the sweep only does the bookkeeping.';
comment on column store.block.id is 'A time-ordered UUID: blocks sort by it, oldest first.';
comment on column store.block.ended_at is 'When it was converted, cancelled, or ran out (then: expires_at).';
create index block_active_idx on store.block (id) where status = 'active';
create index block_active_product_idx on store.block (product_id, expires_at) where status = 'active';
create index block_active_expiry_idx on store.block (expires_at) where status = 'active';

create table store.location (
    id bigint generated always as identity primary key,
    code text not null,
    created_at timestamptz not null,
    constraint location_code_key unique (code)
);
comment on table store.location is 'Named places (API 4).';

create table store.location_stock (
    product_id bigint not null references store.product (id),
    location_id bigint not null references store.location (id),
    quantity numeric(12, 3) not null,
    arrived_at timestamptz not null,
    primary key (product_id, location_id),
    constraint location_stock_quantity_not_negative check (quantity >= 0)
) with (fillfactor = 80);
comment on table store.location_stock is 'The part of on_hand that lies at a place; the rest is unlocated.';
comment on column store.location_stock.arrived_at is
'Since when the place holds some: a departure that names no place takes unlocated units, then places in this order.';

create sequence store.movement_id_seq;
create table store.movement (
    product_id bigint not null references store.product (id),
    id bigint not null default nextval('store.movement_id_seq'),
    kind text not null,
    on_hand_before numeric(12, 3) not null,
    on_hand_after numeric(12, 3) not null,
    reserved_before numeric(12, 3) not null,
    reserved_after numeric(12, 3) not null,
    blocked_before numeric(12, 3) not null,
    blocked_after numeric(12, 3) not null,
    cost numeric(32, 3),
    reference text,
    reason text,
    actor text not null,
    occurred_at timestamptz not null,
    created_at timestamptz not null,
    primary key (product_id, id),
    constraint movement_kind_known check (
        kind in ('initial', 'add', 'reserve', 'release', 'consume', 'block', 'convert', 'cancel', 'expire')
    ),
    constraint movement_available_before_not_negative
    check (on_hand_before - reserved_before - blocked_before >= 0 and reserved_before >= 0 and blocked_before >= 0),
    constraint movement_available_after_not_negative
    check (on_hand_after - reserved_after - blocked_after >= 0 and reserved_after >= 0 and blocked_after >= 0)
);
alter sequence store.movement_id_seq owned by store.movement.id;
comment on table store.movement is
'The ledger: one immutable row for every change of a balance. A product''s rows are a chain: each begins where the last ended.';
comment on column store.movement.cost is
'What an arrival brought or a departure took, from the cost layers; null: unknown, or nothing came or left.';
comment on column store.movement.reference is 'What caused it, where that has an id (a block''s UUID, …).';
comment on column store.movement.actor is 'Who: a user''s name, anonymous, or a database role.';
comment on column store.movement.occurred_at is 'When it happened: for an expiry, the instant the block was over.';
comment on column store.movement.created_at is 'When it was written.';

create table store.cost_layer (
    product_id bigint not null references store.product (id),
    id bigint generated always as identity,
    movement_id bigint not null,
    received_at timestamptz not null,
    quantity numeric(12, 3) not null,
    remaining numeric(12, 3) not null,
    unit_cost numeric(23, 3),
    value numeric(32, 3),
    remaining_value numeric(32, 3),
    is_open boolean not null default true,
    primary key (product_id, id),
    constraint cost_layer_quantity_positive check (quantity > 0),
    constraint cost_layer_remaining_within check (remaining between 0 and quantity),
    constraint cost_layer_remaining_value_within check (remaining_value between 0 and value),
    constraint cost_layer_empty_is_worth_nothing check (remaining > 0 or coalesce(remaining_value, 0) = 0),
    constraint cost_layer_open_while_it_holds check (is_open = (remaining > 0)),
    constraint cost_layer_cost_known_or_not check (
        (unit_cost is null) = (value is null) and (value is null) = (remaining_value is null)
    )
) with (fillfactor = 80);
-- is_open, not remaining > 0: an index on what every departure changes would make each of its updates a cold one.
create index cost_layer_open_idx on store.cost_layer (product_id, id) where is_open;
comment on table store.cost_layer is
'What each arrival cost and what is left of it. Departures use layers up in order of id, first in first out.';
comment on column store.cost_layer.value is
'quantity * unit_cost, rounded half up to 3 decimals once, on arrival; null: unknown.';
comment on column store.cost_layer.remaining_value is
'What is left of value: who takes the last units takes all that remains.';

create table store.cost_layer_use (
    product_id bigint not null,
    movement_id bigint not null,
    layer_id bigint not null,
    quantity numeric(12, 3) not null,
    cost numeric(32, 3),
    primary key (product_id, movement_id, layer_id),
    foreign key (product_id, layer_id) references store.cost_layer (product_id, id),
    constraint cost_layer_use_quantity_positive check (quantity > 0)
);
create index cost_layer_use_layer_idx on store.cost_layer_use (product_id, layer_id);
comment on table store.cost_layer_use is 'Which layers paid for which departure.';

create table store.price (
    product_id bigint not null references store.product (id),
    id bigint generated always as identity,
    price_type text not null,
    amount numeric(23, 3) not null,
    effective_from timestamptz not null,
    effective_to timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (product_id, id),
    constraint price_type_known check (price_type in ('retail', 'promo', 'wholesale')),
    constraint price_amount_not_negative check (amount >= 0)
);
create index price_active_idx on store.price (product_id, price_type, effective_from desc, id desc);
comment on table store.price is
'Prices as rules in time, [effective_from, effective_to). The latest effective_from wins, then the highest id.';

create table store.user_account (
    id bigint generated always as identity primary key,
    username text not null,
    password_hash text not null,
    role text not null,
    is_active boolean not null default true,
    token_version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint user_account_role_known check (role in ('operator', 'employee', 'admin'))
);
create unique index user_account_username_key on store.user_account (lower(username));
comment on table store.user_account is 'Who may log in over HTTP. Names mind no case.';
comment on column store.user_account.password_hash is 'bcrypt of the base64 of the password''s SHA-384.';
comment on column store.user_account.token_version is
'A changed password or role adds 1, which ends the refresh tokens given before.';

create table store.idempotency_key (
    caller text not null,
    key text not null,
    request text not null,
    result json,
    error jsonb,
    created_at timestamptz not null,
    primary key (caller, key),
    constraint idempotency_key_one_outcome check (result is null or error is null)
);
create index idempotency_key_created_idx on store.idempotency_key (created_at);
comment on table store.idempotency_key is 'The first answer to each Idempotency-Key of each caller.';
comment on column store.idempotency_key.caller is 'The role that was logged in, and whom it served.';
comment on column store.idempotency_key.request is 'A keyed hash of method, path and body.';
comment on column store.idempotency_key.error is 'A business error: sqlstate, message, detail, hint, constraint.';

create table store.job (
    name text primary key,
    scheduled_at timestamptz,
    last_started_at timestamptz,
    last_finished_at timestamptz,
    last_count bigint
);
comment on table store.job is 'The heartbeat of each pg_cron job.';
comment on column store.job.scheduled_at is 'When db/apply.py last scheduled it with pg_cron; null: not scheduled.';
comment on column store.job.last_count is 'How many rows the last run dealt with.';
insert into store.job (name) values ('expire_blocks'), ('purge_idempotency_keys'), ('verify');
