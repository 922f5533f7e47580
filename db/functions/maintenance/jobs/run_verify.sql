create or replace function maintenance.run_verify()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_started_at constant timestamptz := inventory.clock();
    v_count bigint;
begin
    select count(*) into v_count from maintenance.verify();
    perform maintenance.record_run('verify', v_started_at, v_count);
    if v_count > 0 then
        raise warning 'maintenance.verify() found % differences', v_count;
    end if;
    return v_count;
end;
$$;

comment on function maintenance.run_verify() is
'Run maintenance.verify(), record how many differences it found and warn in the log where there are any.

What pg_cron calls at night.';

grant execute on function maintenance.run_verify() to inventory_maintenance;
