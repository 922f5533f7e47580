create or replace function http.close_count(
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
    v_id constant bigint := (inventory.close_count(p_count_id, p_actor)).id;
begin
    return json_build_object('count', (select c.item from http.count_json as c where c.id = v_id));
end;
$$;

comment on function http.close_count(bigint, text) is
'Close a count and book all of its differences.

All differences are booked, or none. Movements after a line was counted keep their effect. Products that were not counted do not
change.

Returns {"count": "count_json"}
Errors: COUNT_CLOSED, COUNT_NOT_FOUND, INSUFFICIENT_STOCK, QUANTITY_OUT_OF_RANGE.';

grant execute on function http.close_count(bigint, text) to inventory_operator;
