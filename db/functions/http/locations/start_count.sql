create or replace function http.start_count(
    p_location inventory.location_code,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.start_count(p_location, p_actor)).id;
begin
    return json_build_object('count', (select c.item from http.count_json as c where c.id = v_id));
end;
$$;

comment on function http.start_count(inventory.location_code, text) is
'Begin a count of the stock at a location.

Returns {"count": "count_json"}
Errors: COUNT_OPEN.';

grant execute on function http.start_count(inventory.location_code, text) to inventory_operator;
