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
'Note whether pg_cron has a job, and since when: the job has from then on to show that it lives. db/apply.py calls this.';
