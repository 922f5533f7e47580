create or replace function report.wait_for(p_position pg_lsn, p_seconds numeric default 1)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.wait_for(p_position, p_seconds);
end;
$$;

comment on function report.wait_for(pg_lsn, numeric) is
'Wait on a standby until it shows everything up to a position: of report.log_position(), or of the header Inventory-Position.

p_seconds: at most so long, and at most 60. Returns whether it is there: then each later query sees it, in a transaction that is
READ COMMITTED. True at once on the primary.';

grant execute on function report.wait_for(pg_lsn, numeric) to inventory_reporting;
