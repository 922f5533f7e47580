create or replace function report.instant()
returns timestamptz
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return inventory.clock();
end;
$$;

comment on function report.instant() is 'The time of a report: now.';

grant execute on function report.instant() to inventory_reporting;
