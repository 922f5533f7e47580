-- A trace of what callers change that is neither a movement nor a price: who, through which login, when, from what to what.

-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table store.audit (
    id bigint generated always as identity primary key,
    product_id bigint,
    subject text not null,
    subject_id text not null,
    action text not null,
    before jsonb,
    after jsonb,
    actor text not null,
    written_by text not null default session_user,
    created_at timestamptz not null,
    constraint audit_action_known check (action = any('{create,change,delete}'::text[])),
    constraint audit_before_unless_created check ((before is null) = (action = 'create'::text)),
    constraint audit_after_unless_deleted check ((after is null) = (action = 'delete'::text))
);
create index audit_product_idx on store.audit (product_id, id) where product_id is not null;
create index audit_subject_idx on store.audit (subject, subject_id, id);
comment on table store.audit is
'Who changed what, where no movement and no price says so. inventory.record_change writes it; no function changes or removes a
row. It refers to no other table, so that it outlives what it tells of.';
comment on column store.audit.product_id is 'The product that it is about, if it is about one.';
comment on column store.audit.subject is 'block, inventory, product, user, supplier, brand, category, webhook or setting.';
comment on column store.audit.subject_id is 'The id of that thing; an inventory''s is its product''s; 1 for the settings.';
comment on column store.audit.before is 'The fields that changed, as they were; null: it was created.';
comment on column store.audit.after is 'The same fields as they are since; null: it was deleted.';
comment on column store.audit.written_by is 'The database login that wrote it. actor is who that login acted for.';
