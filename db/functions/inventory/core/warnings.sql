create or replace function inventory.warnings()
returns table (subject text, message text)
language plpgsql
stable
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return query
    select
        'jobs',
        'no run of ' || string_agg(
            format('%s since %s', j.name, coalesce(inventory.instant_text(greatest(j.scheduled_at, j.last_finished_at)), 'ever')),
            ', ' order by j.name
        )
    from store.job as j
    where (greatest(j.scheduled_at, j.last_finished_at) > v_now - j.late_after) is not true
    having count(*) > 0
    union all
    select 'jobs', format('%s fails for %s product(s): see maintenance.status()', f.job, count(*))
    from store.job_failure as f
    group by f.job
    union all
    select 'ledger', 'next month has no partition: call maintenance.make_partitions()'
    where not exists (
        select from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where
            i.inhparent = 'store.movement'::regclass
            and c.relname ~ '^movement_[0-9]'
            and c.relname >= 'movement_' || to_char(v_now at time zone 'UTC' + interval '1 month', 'YYYY_MM')
    )
    union all
    select 'ledger', 'movements lie in the default partition: call maintenance.make_partitions()'
    where exists (select from store.movement_default)
    union all
    select
        'verify',
        format(
            'maintenance.verify() found %s differences at %s: see maintenance.plan_repair()', v.last_differences,
            inventory.instant_text(v.last_finished_at)
        )
    from store.verification as v
    where v.last_differences > 0;
end;
$$;

comment on function inventory.warnings() is
'Problems that an operator should look at, although calls still succeed. No row means that there is no problem.

The subjects: jobs (a job has stopped, or fails for some products), ledger (a partition is missing), verify (the last
maintenance.verify() found differences).';
