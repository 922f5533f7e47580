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

create domain inventory.stock_changes as text
constraint stock_changes_known check (value = any('{each,per_second}'::text[]));
comment on domain inventory.stock_changes is
'How an endpoint is told stock.changed: each change, or per_second: at most one event for a product and second.';

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
