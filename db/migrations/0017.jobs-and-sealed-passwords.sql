-- The servers run the jobs that pg_cron does not run, by the same schedule. They seal the passwords that they send.

-- squawk-ignore-file constraint-missing-not-valid, ban-alter-domain-with-add-constraint

set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table store.job
add column every interval,
add column at interval,
add column in_cron_since timestamptz,
add column cron_ran_at timestamptz,
add column is_unfinished boolean not null default false,
add column failed_at timestamptz,
add column last_error text;
comment on table store.job is 'The maintenance jobs: their schedule, and when they last ran. db/jobs.py lists them.';
comment on column store.job.every is 'How often it is due. Written by db/apply.py, like at.';
comment on column store.job.at is 'How long after midnight, GMT, or after the beginning of each period it is due.';
comment on column store.job.scheduled_at is 'When db/apply.py recorded its schedule.';
comment on column store.job.in_cron_since is 'Since when pg_cron has it; null: pg_cron does not run here, or cannot run it.';
comment on column store.job.cron_ran_at is 'When pg_cron, or a DBA, last ran it: not a server.';
comment on column store.job.last_count is 'How many rows the last run has dealt with.';
comment on column store.job.is_unfinished is 'Whether the last batch left work to do.';
comment on column store.job.failed_at is 'When a server last tried to run it and failed; null: the last try succeeded.';
comment on column store.job.last_error is 'The message of that failure.';
comment on column store.job.late_after is 'A job that has not run for so long has stopped.';
update store.job as j
set in_cron_since = j.scheduled_at, cron_ran_at = j.last_finished_at;
-- A server takes a daily job over from pg_cron at the second night that it misses: warn only after that.
update store.job as j
set late_after = interval '50 hours'
where j.name = 'verify';

-- Servers send passwords sealed with one of these keys, so that no log of statements has a password.
-- It is not logged, so that no key is in the WAL, on a standby or in a base backup.
create unlogged table store.password_key (
    id uuid primary key,
    key bytea not null,
    made_at timestamptz not null
);
comment on table store.password_key is 'The keys of sealed passwords. Each is used for a minute and kept for ten.';

-- No column is of this domain, so that nothing is locked and nothing is read. One statement, because PostgreSQL 15 allows no
-- savepoint just after the first of the two, and yoyo makes one between statements.
do $$
begin
    alter domain inventory.password drop constraint password_length;
    alter domain inventory.password add constraint password_length check (
        length(value) between 1 and 1024
        -- As long as 1024 characters of 4 bytes are when they are sealed.
        or (length(value) <= 8300 and value ~ '^sealed:[0-9a-f-]{36}:[0-9a-f]+$')
    );
end;
$$;
comment on domain inventory.password is
'A password of 1 to 1024 characters, in clear or sealed (inventory.password_key). Only ever an argument, stored as a hash.';
