-- The change feed: each movement, and each change of a product or a price, gets a position (feed_key, feed_id). No change that
-- commits later has a position before one that could already be read: see inventory.feed_key().

-- squawk-ignore-file require-concurrent-index-creation, adding-field-with-default, adding-not-nullable-field
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint

set local lock_timeout = '5s';
set local statement_timeout = '30min';

alter table store.setting add column feed_base bigint not null default 0;
comment on column store.setting.feed_base is
'Added to the ids of transactions, so that they go on rising after a restore into another cluster (maintenance.continue_feed).';

alter table store.stock
add column feed_key bigint not null default 0,
add column feed_base bigint not null default 0;
comment on column store.stock.feed_key is 'The feed_key of the product''s last movement.';
comment on column store.stock.feed_base is 'A copy of store.setting.feed_base, so that a posting reads one row less.';

-- The rows of before the feed have 0 and are not in it. The indexes leave them out.
alter table store.movement add column feed_key bigint not null default 0;
comment on column store.movement.feed_key is
'With the id, the position in the change feed: the id of the transaction, or the feed_key of the product''s movement before it, if
that is higher; 0: written before the feed existed.';
create index movement_feed_idx on store.movement (feed_key, id) where feed_key > bigint '0';

alter table store.audit add column feed_key bigint not null default 0;
alter table store.audit add column feed_id bigint;
comment on column store.audit.feed_key is 'With feed_id, the position in the change feed; 0: not in the feed.';
comment on column store.audit.feed_id is 'An id from the sequence of the movements'' ids.';
comment on column store.audit.subject is
'block, inventory, product, price, user, supplier, brand, category, webhook or setting.';
comment on column store.audit.subject_id is
'The id of that thing; an inventory''s is its product''s; a price''s is its type; 1 for the settings.';
create index audit_feed_idx on store.audit (feed_key, feed_id) where feed_key > bigint '0';

create type inventory.change as (
    feed_key bigint,
    feed_id bigint,
    type text,
    product_id bigint,
    actor text,
    occurred_at timestamptz,
    created_at timestamptz,
    data json
);
comment on type inventory.change is 'A row of the change feed (the view store.change).';

-- Users for integrations: they read the feed.
do $$ -- as statements of their own, PostgreSQL 15 refuses the second after many other changes in the session
begin
    alter domain inventory.user_role drop constraint user_role_known;
    alter domain inventory.user_role
    add constraint user_role_known check (value = any('{operator,employee,integration,admin}'::text []));
end;
$$;
comment on domain inventory.user_role is 'A user''s role: operator, employee, integration or admin.';
alter table store.user_account drop constraint user_account_role_known;
alter table store.user_account
add constraint user_account_role_known check (role = any('{operator,employee,integration,admin}'::text[]));

-- The function of the release before, with the new column: it is in use until db.apply has replaced the functions.
create or replace function inventory.new_movement(
    p_kind text,
    p_before store.stock,
    p_after store.stock,
    p_reference text,
    p_reason text,
    p_actor text,
    p_occurred_at timestamptz
)
returns store.movement
language sql
volatile
as $$
select
    row(
        p_after.product_id, nextval('store.movement_id_seq'), p_kind, p_before.on_hand, p_after.on_hand, p_before.reserved,
        p_after.reserved, p_before.blocked, p_after.blocked, null, p_reference, p_reason, coalesce(p_actor, session_user),
        p_occurred_at, p_after.updated_at, p_after.average_quantity, p_after.average_value, p_after.last_number, session_user,
        p_after.feed_key
    )::store.movement;
$$;
