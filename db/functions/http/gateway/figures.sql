create or replace function http.figures()
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return (
        select
            json_build_object(
                'webhook_due', count(d.due),
                'webhook_oldest_seconds', coalesce(extract(epoch from v_now - min(d.due)), 0),
                'verify_differences', (select v.last_differences from store.verification as v),
                'verify_seconds', (select extract(epoch from v_now - v.last_finished_at) from store.verification as v),
                'job_seconds',
                (
                    select json_object_agg(j.name, extract(epoch from v_now - greatest(j.scheduled_at, j.last_finished_at)))
                    from store.job as j
                )
            )
        from (
            select l.next_attempt_at as due from store.webhook_delivery as l where l.next_attempt_at <= v_now limit 10001
        ) as d
    );
end;
$$;

comment on function http.figures() is
'What metrics show of the database.

Deliveries that are due (10001: more than 10000), and for how many seconds the first one has been. What the last verify() found, and
how many seconds ago. Seconds since each job ran or, if it has not run, was scheduled. Null is never.';

grant execute on function http.figures() to inventory_public;
