-- Housekeeping: what the jobs clean, what they say of themselves, and how often VACUUM comes.

-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion, constraint-missing-not-valid
-- squawk-ignore-file ban-drop-constraint

set local lock_timeout = '5s';
set local statement_timeout = '1h';

-- What takes its time comes first, while nothing is locked. From here on an event goes with the last of its deliveries: those
-- without any would stay.
delete from store.event as e
where not exists (select from store.webhook_delivery as d where d.event_id = e.id);

-- inventory.count_rows() sums up rows from a pair of category and brand on, and no comparison finds null: 0 stands for none.
update store.row_count
set category_id = coalesce(category_id, 0), brand_id = coalesce(brand_id, 0)
where category_id is null or brand_id is null;
drop index store.row_count_subject_idx;
create index row_count_subject_idx on store.row_count (subject, category_id, brand_id) include (delta);
comment on column store.row_count.category_id is '0: none.';
comment on column store.row_count.brand_id is '0: none.';

-- A deleted endpoint is marked; a job removes its deliveries, then the row. A business transaction that queues an event must
-- not wait for that, so nothing refers to the endpoint's row. An event is written with its deliveries and goes with the last.
alter table store.webhook add column deleted_at timestamptz;
alter table store.webhook add constraint webhook_deleted_is_disabled check (deleted_at is null or not enabled);
comment on column store.webhook.deleted_at is
'When it was deleted: nobody sees it any more, and a job removes it with its deliveries.';
alter table store.webhook_delivery drop constraint webhook_delivery_webhook_id_fkey;
alter table store.webhook_delivery drop constraint webhook_delivery_event_id_fkey;

alter table store.job add column late_after interval not null default interval '5 minutes';
update store.job as j
set late_after = o.late_after
from (
    values
    ('purge_idempotency_keys', interval '30 minutes'),
    ('purge_webhook_deliveries', interval '30 minutes'),
    ('make_partitions', interval '3 hours'),
    ('verify', interval '2 days')
) as o (name, late_after)
where j.name = o.name;
comment on column store.job.late_after is 'A job that pg_cron has and that has not run for so long has stopped.';

create table store.job_failure (
    job text not null references store.job (name),
    product_id bigint not null,
    failed_at timestamptz not null,
    message text not null,
    primary key (job, product_id)
);
comment on table store.job_failure is
'Products that a job could not deal with: it goes on with the others, and tries these again an hour later.';

-- These grow without end, or are emptied at one end of an index: a fifth of them, the default, is far too many dead rows.
-- webhook_delivery changes what its indexes hold in each update, block too: room in the page is of no use to them.
alter table store.block reset (fillfactor);
alter table store.webhook_delivery reset (fillfactor);
alter table store.block set (autovacuum_vacuum_scale_factor = 0.01);
alter table store.cost_layer set (autovacuum_vacuum_scale_factor = 0.02);
alter table store.price_turn set (autovacuum_vacuum_scale_factor = 0.01);
alter table store.row_count set (autovacuum_vacuum_scale_factor = 0.02);
alter table store.webhook_delivery set (autovacuum_vacuum_scale_factor = 0.02);
alter table store.event set (autovacuum_vacuum_scale_factor = 0.02);
alter table store.idempotency_key set (autovacuum_vacuum_scale_factor = 0.02);
