create or replace function http.get_outflow(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.require_outflow(p_id);
    return (select o.item from http.outflow_json as o where o.id = p_id);
end;
$$;

comment on function http.get_outflow(bigint) is
'Get an outflow.

Returns "outflow_json"
Errors: OUTFLOW_NOT_FOUND.';

grant execute on function http.get_outflow(bigint) to inventory_employee;
