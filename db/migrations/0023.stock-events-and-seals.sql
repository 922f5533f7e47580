-- The events stock.changed, stock.available and stock.sold_out. They are made of the change feed: no posting does work for them.

-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid, adding-field-with-default, adding-not-nullable-field
-- squawk-ignore-file prefer-robust-stmts

set local lock_timeout = '5s';
set local statement_timeout = '1min';

do $$ -- one statement, as in 0019
begin
    alter domain inventory.webhook_event drop constraint webhook_event_known;
    alter domain inventory.webhook_event
    add constraint webhook_event_known check (
        value = any(
            array[
                'outflow.created', 'inflow.created', 'stock.low', 'stock.changed', 'stock.available', 'stock.sold_out',
                'block.expired', 'price.changed'
            ]
        )
    );
end;
$$;
comment on domain inventory.webhook_event is
'What a webhook is told of: outflow.created, inflow.created, stock.low, stock.changed, stock.available, stock.sold_out,
block.expired or price.changed.';

-- Not validated: the rows that are there have the types of the narrower constraint, and to read them all would take long.
alter table store.event drop constraint event_type_known;
alter table store.event
add constraint event_type_known check (
    type = any(
        '{outflow.created,inflow.created,stock.low,stock.changed,stock.available,stock.sold_out,block.expired,price.changed}'::text[] -- noqa: LT05
    )
) not valid;

alter table store.webhook add column stock_changes text not null default 'each';
alter table store.webhook
add constraint webhook_stock_changes_known check (stock_changes = any('{each,per_second}'::text[]));
comment on column store.webhook.stock_changes is 'How it is told stock.changed: each or per_second.';
alter type inventory.webhook_info add attribute stock_changes text;

create table store.webhook_position (
    webhook_id bigint primary key,
    feed_key bigint not null,
    feed_id bigint not null,
    told_at timestamptz
);
comment on table store.webhook_position is
'How far in the change feed each endpoint has been told of the changes of stock. These are not columns of store.webhook, because
senders lock its rows to claim deliveries.';
comment on column store.webhook_position.feed_key is 'With feed_id, the position: movements after it have not been told.';
comment on column store.webhook_position.told_at is 'When movements were last told; null: not yet.';

-- The sealed ledger: a new table, which a job fills.
create table store.seal (
    number bigint not null,
    hour timestamptz not null,
    part integer not null,
    first_key bigint not null,
    first_id bigint not null,
    last_key bigint not null,
    last_id bigint not null,
    movements integer not null,
    leaves bytea not null,
    previous_hash bytea,
    hash bytea not null,
    sealed_at timestamptz not null,
    constraint seal_pkey primary key (number),
    constraint seal_hour_part_key unique (hour, part),
    constraint seal_number_range check (number > bigint '0'),
    constraint seal_first_has_no_previous check ((previous_hash is null) = (number = bigint '1'))
);
alter table store.seal alter column leaves set storage external; -- hashes cannot be compressed
comment on table store.seal is
'Seals of the ledger: each has the hashes of the movements of an hour, or of a part of them, and the hash of the seal before it.
maintenance.seal_movements() writes it, and nothing changes a row.';
comment on column store.seal.hour is 'The beginning of the hour (UTC) in which the movements were written.';
comment on column store.seal.part is 'Counts the seals of the hour from 1.';
comment on column store.seal.first_key is 'With first_id, the position of its first movement in the change feed.';
comment on column store.seal.last_key is 'With last_id, the position of its last movement.';
comment on column store.seal.movements is 'How many movements it has.';
comment on column store.seal.leaves is 'maintenance.movement_leaf of each movement, in the order of the feed: 24 bytes each.';
comment on column store.seal.previous_hash is 'The hash of the seal before it.';
comment on column store.seal.hash is 'maintenance.seal_hash of the row.';

insert into store.job (name, late_after) values ('seal_movements', interval '30 minutes');
