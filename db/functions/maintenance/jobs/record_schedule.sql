create or replace function maintenance.record_schedule(p_job text, p_is_scheduled boolean)
returns void
language plpgsql
volatile
as $$
begin
    update store.job as j
    set scheduled_at = case when p_is_scheduled then inventory.clock() end
    where j.name = p_job;
end;
$$;

comment on function maintenance.record_schedule(text, boolean) is
'Record whether pg_cron runs a job, and since when: from then on a job without runs counts as late. db/apply.py calls this.';
