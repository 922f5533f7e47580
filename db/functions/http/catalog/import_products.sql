create or replace function http.import_products(p_lines jsonb, p_actor text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return json_build_object('imported', inventory.import_products(p_lines, p_actor));
end;
$$;

comment on function http.import_products(jsonb, text) is
'Create many products, all or none.

Up to 100 000 lines of CSV, with the fields'' names in the first line, or of JSON, an object a line; the fields are those of a
product''s creation, others are ignored, and an empty cell is a field left out. A line that is not valid refuses all of them,
and the answer says which lines and why, by line of the file.

Returns {"imported": "integer"}
Errors: LINES_REJECTED.';

grant execute on function http.import_products(jsonb, text) to inventory_admin;
