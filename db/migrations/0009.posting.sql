-- One posting function writes every movement. Each product numbers its own movements, without gaps, and no rule depends on
-- a sequence that products share. A movement keeps the database login that wrote it.
-- The migration rewrites the ledger and the cost layers once: docs/posting.md says how long that takes and what waits.

-- squawk-ignore-file adding-field-with-default, require-concurrent-index-creation, constraint-missing-not-valid
-- squawk-ignore-file ban-drop-constraint, adding-not-nullable-field, adding-serial-primary-key-field, ban-drop-table
-- squawk-ignore-file require-concurrent-index-deletion

set local lock_timeout = '5s';
set local statement_timeout = '4h';

alter table store.stock add column last_number bigint not null default 0;
comment on column store.stock.last_number is 'The number of the product''s last movement; 0: it has none yet.';

-- Movements before the ledger's beginning keep their ids and have no number: numbers go on from the opening balance, 0.
alter table store.opening_balance
add column number bigint not null default 0,
add column has_history boolean not null default true;
comment on column store.opening_balance.number is 'That movement''s number.';
comment on column store.opening_balance.has_history is
'Whether one of the product''s detached movements was more than its first stock or a correction of it.';

alter table store.movement
add column number bigint,
add column written_by text;

create unlogged table store.numbered as
select
    m.product_id,
    m.id,
    row_number() over (partition by m.product_id order by m.id) as number
from store.movement as m;
analyze store.numbered;

update store.movement as m
set number = n.number
from store.numbered as n
where m.product_id = n.product_id and m.id = n.id;

update store.stock as s
set last_number = n.number
from (
    select
        t.product_id,
        max(t.number) as number
    from store.numbered as t
    group by t.product_id
) as n
where s.product_id = n.product_id;

alter table store.movement alter column number set not null;
comment on column store.movement.id is 'Names it for callers. The order of a product''s movements is that of their numbers.';
comment on column store.movement.number is 'Counts a product''s movements from 1, with no gap.';
comment on column store.movement.written_by is
'The database login that wrote it; null: written before logins were kept. actor is who that login acted for.';

do $$
declare
    v_table text;
begin
    for v_table in
        select c.relname
        from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where i.inhparent = 'store.movement'::regclass
    loop
        execute format(
            'alter table store.%1$I drop constraint %2$I, add constraint %2$I primary key (product_id, number)',
            v_table, v_table || '_pkey'
        );
    end loop;
end;
$$;
comment on table store.movement is
'The ledger: one immutable row for every change of a balance, by month (UTC). A product''s rows are a chain in order of number:
each begins where the last ended. Each partition has the key (product_id, number); the lock of the product''s stock row makes it
one of the whole.';

-- Cost layers

alter table store.cost_layer add column number bigint;
update store.cost_layer as l
set number = n.number
from store.numbered as n
where l.product_id = n.product_id and l.movement_id = n.id;
-- Layers of movements that were detached come first, in their order.
update store.cost_layer as l
set number = d.number
from (
    select
        o.product_id,
        o.id,
        row_number() over (partition by o.product_id order by o.id) - count(*) over (partition by o.product_id) as number
    from store.cost_layer as o
    where o.number is null
) as d
where l.product_id = d.product_id and l.id = d.id;
alter table store.cost_layer alter column number set not null;
comment on column store.cost_layer.id is 'Names it for callers. Departures use layers up in order of number.';
comment on column store.cost_layer.number is
'The number of the movement that brought it; 0 and below: the order of those whose movements have no number.';
drop table store.numbered;
drop index store.cost_layer_open_idx;
create index cost_layer_open_idx on store.cost_layer (product_id, number) where is_open;

-- Whatever is written under the lock of a product's stock row is checked by that, and by maintenance.verify(): a foreign key
-- would lock the product's row, or the layer's, in every sale.
alter table store.cost_layer_use drop constraint cost_layer_use_product_id_layer_id_fkey;
alter table store.sale drop constraint sale_product_id_fkey;
alter table store.purchase drop constraint purchase_product_id_fkey;
alter table store.inflow drop constraint inflow_product_id_fkey;
alter table store.outflow drop constraint outflow_product_id_fkey;
alter table store.location_stock drop constraint location_stock_product_id_fkey;

-- Posting: what goes in and what comes out, see inventory.post.

create type inventory.movement_kind as (
    on_hand integer,
    reserved integer,
    blocked integer,
    requires_active boolean,
    is_history boolean,
    is_sale boolean,
    undoes text
);
comment on type inventory.movement_kind is 'What a kind of movement does and counts as: see inventory.movement_kind().';

create type inventory.posting as (
    kind text,
    product_id bigint,
    quantity numeric,
    counted numeric,
    unit_cost numeric,
    location_id bigint,
    to_location_id bigint,
    block_id uuid,
    expires_at timestamptz,
    layer_id bigint,
    returns_movement_id bigint,
    unit_price numeric,
    revenue numeric,
    returned_sale_id bigint,
    supplier_id bigint,
    reference text,
    reason text,
    actor text
);
comment on type inventory.posting is 'One line of inventory.post, which says what each field means.';

create type inventory.posted as (
    movement store.movement,
    block store.block,
    booked numeric,
    ended integer,
    sqlstate text,
    message text,
    detail jsonb,
    hint text
);
comment on type inventory.posted is 'What became of a line of inventory.post: its movement, or the error that refused it.';

-- An Idempotency-Key belongs to the user: the server's logins are one for it.
delete from store.idempotency_key as k
using store.idempotency_key as o
where
    k.caller ~ '^inventory_(public|operator|employee|admin) '
    and o.caller ~ '^inventory_(public|operator|employee|admin) '
    and substr(k.caller, strpos(k.caller, ' ')) = substr(o.caller, strpos(o.caller, ' '))
    and k.key = o.key
    and (k.created_at, k.caller) < (o.created_at, o.caller);
update store.idempotency_key as k
set caller = 'inventory' || substr(k.caller, strpos(k.caller, ' '))
where k.caller ~ '^inventory_(public|operator|employee|admin) ';
