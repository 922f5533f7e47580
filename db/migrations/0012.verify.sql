-- maintenance.verify() works on ranges of products, and a job goes through them a range a transaction.

-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '1h';

create table store.verification (
    singleton boolean primary key default true constraint verification_one_row check (singleton),
    next_product_id bigint,
    started_at timestamptz,
    differences bigint not null default 0,
    last_finished_at timestamptz,
    last_differences bigint
);
comment on table store.verification is 'One row: how far maintenance.verify_next() has come, and what it found.';
comment on column store.verification.next_product_id is 'Where the pass that is under way goes on; null: none is.';
comment on column store.verification.started_at is 'When that pass, or else the last one, began.';
comment on column store.verification.differences is 'How many differences it has found so far.';
comment on column store.verification.last_finished_at is 'When the last pass over all products ended.';
comment on column store.verification.last_differences is 'How many differences that one found.';
insert into store.verification default values;

-- Written to when a flow is deleted, and then alone.
create index deleted_flow_product_idx on store.deleted_flow (product_id);
