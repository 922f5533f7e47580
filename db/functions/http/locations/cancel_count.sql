create or replace function http.cancel_count(
    p_count_id bigint,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.cancel_count(p_count_id, p_actor)).id;
begin
    return json_build_object('count', (select c.item from http.count_json as c where c.id = v_id));
end;
$$;

comment on function http.cancel_count(bigint, text) is
'End a count without booking its differences.

Returns {"count": "count_json"}
Errors: COUNT_CLOSED, COUNT_NOT_FOUND.';

grant execute on function http.cancel_count(bigint, text) to inventory_operator;
