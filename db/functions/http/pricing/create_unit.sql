create or replace function http.create_unit(
    p_name inventory.name,
    p_symbol inventory.unit_symbol
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant integer := (inventory.create_unit(p_name, p_symbol)).id;
begin
    return json_build_object('unit', (select u.item from http.unit_json as u where u.id = v_id));
end;
$$;

comment on function http.create_unit(inventory.name, inventory.unit_symbol) is
'Create a unit of measure.

Names are case-insensitive.

Returns {"unit": "unit_json"}
Errors: DUPLICATE_UNIT.';

grant execute on function http.create_unit(inventory.name, inventory.unit_symbol) to inventory_admin;
