create or replace function report.log_position()
returns pg_lsn
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.log_position();
end;
$$;

comment on function report.log_position() is
'How far this server is: everything that has been seen here so far is at or before this position. See report.wait_for.';

grant execute on function report.log_position() to inventory_reporting;
