create or replace function maintenance.record_schedule(
    p_job text,
    p_every interval,
    p_at interval,
    p_is_in_cron boolean default null
)
returns void
language plpgsql
volatile
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    update store.job as j
    set
        every = p_every,
        at = p_at,
        scheduled_at = v_now,
        in_cron_since = case
            when p_is_in_cron then coalesce(j.in_cron_since, v_now)
            when p_is_in_cron is null then j.in_cron_since
        end
    where
        j.name = p_job
        and (j.every, j.at, j.in_cron_since is not null) is distinct from (
            p_every, p_at, coalesce(p_is_in_cron, j.in_cron_since is not null)
        );
end;
$$;

comment on function maintenance.record_schedule(text, interval, interval, boolean) is
'Record the schedule of a job, and whether pg_cron has it (null: unchanged). db/apply.py calls this.

From then on the job counts as late if it does not run. What is recorded already is left as it is. See maintenance.run_next_job.';
