-- Webhooks: endpoints, the events that were queued for them, and a delivery for each event and endpoint.

-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create domain inventory.webhook_event as text
constraint webhook_event_known check (
    value in ('outflow.created', 'inflow.created', 'stock.low', 'block.expired', 'price.changed')
);
comment on domain inventory.webhook_event is
'What a webhook is told of: outflow.created, inflow.created, stock.low, block.expired or price.changed.';

create domain inventory.webhook_events as inventory.webhook_event[]
constraint webhook_events_count check (cardinality(value) between 1 and 100)
constraint webhook_events_list check (array_ndims(value) = 1 and array_position(value, null) is null);
comment on domain inventory.webhook_events is '1 to 100 names of events; one that comes twice counts once.';

create domain inventory.webhook_url as text
constraint webhook_url_length check (length(value) <= 2048)
constraint webhook_url_form check (
    value
    ~ '^[Hh][Tt][Tt][Pp][Ss]?://([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?][!"$-~]*)?$' -- noqa: LT05
);
comment on domain inventory.webhook_url is
'An http or https address, up to 2048 printable ASCII characters, with no user and no fragment in it.';

create domain inventory.delivery_status as text
constraint delivery_status_known check (value in ('pending', 'delivered', 'failed'));
comment on domain inventory.delivery_status is
'The status of a delivery: pending, delivered, or failed (refused at its last try so far).';

create domain inventory.overlap_seconds as integer
constraint overlap_seconds_range check (value between 0 and 604800);
comment on domain inventory.overlap_seconds is 'How long an old secret signs beside a new one: 0 to 604 800 seconds, 7 days.';

create type inventory.webhook_info as (
    id bigint,
    url text,
    events text [],
    enabled boolean,
    secret text,
    created_at timestamptz,
    updated_at timestamptz
);
comment on type inventory.webhook_info is
'A webhook endpoint as its admin may see it; its secret only from the functions that have just made it, else null.';

create table store.webhook (
    id bigint generated always as identity primary key,
    url text not null,
    events text[] not null,
    enabled boolean not null,
    secret text not null,
    previous_secret text,
    previous_secret_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint webhook_events_some check (cardinality(events) > 0),
    constraint webhook_previous_secret_ends check ((previous_secret is null) = (previous_secret_until is null))
);
comment on table store.webhook is 'Webhook endpoints: where events go, and which.';
comment on column store.webhook.secret is 'What deliveries are signed with: whsec_ and 32 random bytes in base64.';
comment on column store.webhook.previous_secret is 'Signs beside the other until previous_secret_until.';

create table store.event (
    id uuid primary key,
    type text not null,
    payload json not null,
    created_at timestamptz not null,
    constraint event_type_known check (
        type in ('outflow.created', 'inflow.created', 'stock.low', 'block.expired', 'price.changed')
    )
);
comment on table store.event is
'The outbox: what happened, written in the transaction in which it happened, where an endpoint wants to know of it.';
comment on column store.event.id is 'A time-ordered UUID; the webhook-id of every delivery and try is made of it.';
comment on column store.event.payload is 'The body that is sent, to the byte.';

create table store.webhook_delivery (
    id bigint generated always as identity primary key,
    webhook_id bigint not null references store.webhook (id) on delete cascade,
    event_id uuid not null references store.event (id),
    status text not null default 'pending',
    attempts integer not null default 0,
    tries integer not null default 0,
    next_attempt_at timestamptz,
    leased_until timestamptz,
    last_status integer,
    last_error text,
    created_at timestamptz not null,
    finished_at timestamptz,
    constraint webhook_delivery_status_known check (status in ('pending', 'delivered', 'failed')),
    constraint webhook_delivery_attempts_not_fewer check (tries between 0 and attempts),
    constraint webhook_delivery_finished_or_due check ((next_attempt_at is null) = (finished_at is not null)),
    constraint webhook_delivery_finished_free check (finished_at is null or leased_until is null)
) with (fillfactor = 90);
create index webhook_delivery_due_idx on store.webhook_delivery (webhook_id, next_attempt_at)
where next_attempt_at is not null;
create index webhook_delivery_leased_idx on store.webhook_delivery (webhook_id, leased_until)
where leased_until is not null;
create index webhook_delivery_list_idx on store.webhook_delivery (webhook_id, id);
create index webhook_delivery_status_idx on store.webhook_delivery (webhook_id, status, id);
create index webhook_delivery_finished_idx on store.webhook_delivery (status, finished_at)
where finished_at is not null;
create index webhook_delivery_event_idx on store.webhook_delivery (event_id);
comment on table store.webhook_delivery is 'One event on its way to one endpoint.';
comment on column store.webhook_delivery.attempts is
'All tries ever, counted as they begin: the number of the try under way, which alone may report its outcome.';
comment on column store.webhook_delivery.tries is 'Tries since it was queued or last replayed: its place in the schedule.';
comment on column store.webhook_delivery.next_attempt_at is
'When the next try is due; of a try under way, when another takes over; null: no further try.';
comment on column store.webhook_delivery.leased_until is 'Until when a server works on it; null: none does.';
comment on column store.webhook_delivery.finished_at is 'When it was delivered, or given up; null: neither yet.';

insert into store.job (name) values ('purge_webhook_deliveries');
