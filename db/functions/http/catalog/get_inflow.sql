create or replace function http.get_inflow(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_inflow(p_id);
    return (select i.item from http.inflow_json as i where i.id = p_id);
end;
$$;

comment on function http.get_inflow(bigint) is
'Get an inflow.

Returns "inflow_json"
Errors: INFLOW_NOT_FOUND.';

grant execute on function http.get_inflow(bigint) to inventory_employee;
