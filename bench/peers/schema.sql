-- The tables of the two services that have the rules in their own code, with the same products as compare/load.sql
-- (psql -v products=…).

create table product (
    id bigint generated always as identity primary key,
    sku_id uuid not null unique,
    sku text not null unique,
    name text not null,
    description text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table stock (
    product_id bigint primary key references product (id),
    on_hand numeric(12, 3) not null check (on_hand >= 0),
    reserved numeric(12, 3) not null default 0 check (reserved >= 0),
    blocked numeric(12, 3) not null default 0 check (blocked >= 0),
    updated_at timestamptz not null default now(),
    check (on_hand - reserved - blocked >= 0)
) with (fillfactor = 80);

create table movement (
    id bigint generated always as identity primary key,
    product_id bigint not null references product (id),
    kind text not null,
    on_hand_before numeric(12, 3) not null,
    on_hand_after numeric(12, 3) not null,
    reserved_before numeric(12, 3) not null,
    reserved_after numeric(12, 3) not null,
    blocked_before numeric(12, 3) not null,
    blocked_after numeric(12, 3) not null,
    cost numeric(23, 3),
    actor text not null,
    created_at timestamptz not null default now()
);
create index movement_product_idx on movement (product_id, id);

create table cost_layer (
    id bigint generated always as identity primary key,
    product_id bigint not null references product (id),
    received_at timestamptz not null default now(),
    quantity numeric(12, 3) not null check (quantity > 0),
    remaining numeric(12, 3) not null check (remaining between 0 and quantity),
    unit_cost numeric(23, 3) not null
) with (fillfactor = 80);
create index cost_layer_product_idx on cost_layer (product_id, id);

create table price (
    id bigint generated always as identity primary key,
    product_id bigint not null references product (id),
    price_type text not null,
    amount numeric(23, 3) not null,
    effective_from timestamptz not null,
    effective_to timestamptz
);
create index price_product_idx on price (product_id, price_type, effective_from desc);

create table block (
    id uuid primary key,
    product_id bigint not null references product (id),
    quantity numeric(12, 3) not null check (quantity > 0),
    reason text,
    status text not null,
    expires_at timestamptz not null,
    created_at timestamptz not null,
    ended_at timestamptz
);

create table sale (
    id bigint generated always as identity primary key,
    product_id bigint not null references product (id),
    quantity numeric(12, 3) not null check (quantity > 0),
    unit_price numeric(23, 3) not null,
    revenue numeric(23, 3) not null,
    cost numeric(23, 3) not null,
    created_at timestamptz not null default now()
);
create index sale_product_idx on sale (product_id, id);

create table idempotency_key (
    key text primary key,
    created_at timestamptz not null default now()
);

insert into product (sku_id, sku, name)
select
    ('00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'SKU-' || lpad(g::text, 7, '0'), 'Product number ' || g
from generate_series(1, :products) as g;

insert into stock (product_id, on_hand)
select p.id, 100000014 from product as p order by p.id;

insert into cost_layer (product_id, quantity, remaining, unit_cost)
select p.id, l.quantity, l.quantity, l.unit_cost
from (values (1, 7, 2.0), (2, 7, 2.5), (3, 100000000, 3.0)) as l (number, quantity, unit_cost)
cross join product as p
order by l.number, p.id;

insert into movement (
    product_id, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after, cost, actor
)
select p.id, 'initial', a.before, a.after, 0, 0, 0, 0, a.cost, 'bench'
from (values (0, 7, 14.0), (7, 14, 17.5), (14, 100000014, 300000000)) as a (before, after, cost)
cross join product as p
order by a.before, p.id;

insert into price (product_id, price_type, amount, effective_from)
select p.id, 'retail', 2.95, now() from product as p order by p.id;
