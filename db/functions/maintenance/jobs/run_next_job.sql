create or replace function maintenance.run_next_job(
    p_is_for_cron boolean default false,
    out job text,
    out error text
)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_is_continued boolean;
begin
    -- One job at a time, in all servers.
    if not pg_try_advisory_xact_lock(hashtextextended('maintenance.run_next_job', 0)) then
        return;
    end if;
    v_now := inventory.clock();
    for job, v_is_continued in
        select j.name, s.is_continued
        from store.job as j
        cross join lateral (
            select
                -- When it was due last.
                date_bin(j.every, v_now, timestamptz '2000-01-01 00:00:00+00' + j.at) as due_at,
                -- A run lasts for an hour at most.
                j.is_unfinished and j.last_started_at between v_now - interval '1 hour' and v_now as is_continued
        ) as s
        where
            (s.is_continued or (j.last_started_at between s.due_at and v_now) is not true)
            and s.due_at is not null
            -- Left to pg_cron, until it has missed two runs.
            and (p_is_for_cron or (greatest(j.in_cron_since, j.cron_ran_at) >= s.due_at - j.every) is not true)
            -- A job that failed waits for a minute.
            and (j.failed_at between v_now - interval '1 minute' and v_now) is not true
        order by greatest(j.last_finished_at, j.failed_at) nulls first, j.name
    loop
        begin
            if maintenance.run_batch(job, p_is_first => v_is_continued is not true) is not null then
                return;
            end if;
        exception
            -- Whatever it is, it must not keep the other jobs from running. query_canceled: a time-out.
            when query_canceled or others then
                error := sqlerrm;
                update store.job as j set failed_at = inventory.clock(), last_error = sqlerrm where j.name = job;
                raise warning 'The job % failed: % %', job, sqlstate, sqlerrm;
                return;
        end;
    end loop;
    job := null;
end;
$$;

comment on function maintenance.run_next_job(boolean) is
'Do one batch of a job that is due, and return the name of the job; null if none is due, or another server is doing one. The
servers call it again until it returns null, and then every few seconds.

Of the jobs that are due, the one that has waited longest comes first. A job is due once after each time of its schedule
(db/jobs.py), whoever runs it, and as long as its last batch left work to do, for an hour. A job that pg_cron has, or has run, is
left to it until it has missed two runs; p_is_for_cron: not even then. The rule does not rest on who calls: if a server stops,
another continues.

If the job fails, its batch is undone, error is the message, store.job and a warning in the log have it too, and the job is tried
again after a minute.';

grant execute on function maintenance.run_next_job(boolean) to inventory_worker;
