create or replace function maintenance.record_run(p_job text, p_started_at timestamptz, p_count bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update store.job as j
    set last_started_at = p_started_at, last_finished_at = inventory.clock(), last_count = p_count
    where j.name = p_job;
end;
$$;

comment on function maintenance.record_run(text, timestamptz, bigint) is
'Record that a job has run. /ready and maintenance.status() read this.';

grant execute on function maintenance.record_run(text, timestamptz, bigint) to inventory_maintenance;
