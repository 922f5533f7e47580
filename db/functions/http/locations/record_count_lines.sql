create or replace function http.record_count_lines(
    p_count_id bigint,
    p_lines inventory.count_lines,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.record_count_lines(p_count_id, p_lines, p_actor)).id;
begin
    return json_build_object('count', (select c.item from http.count_json as c where c.id = v_id));
end;
$$;

comment on function http.record_count_lines(bigint, inventory.count_lines, text) is
'Record what was counted at the location, 1 to 1000 lines. A count has at most 5000 lines.

Counting a SKU again replaces its line. Later movements do not change the difference.

Returns {"count": "count_json"}
Errors: COUNT_CLOSED, COUNT_NOT_FOUND, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND.';

grant execute on function http.record_count_lines(bigint, inventory.count_lines, text) to inventory_operator;
