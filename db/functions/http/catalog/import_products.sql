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

The body has up to 100 000 lines: CSV with the names of the fields in the first line, or JSON with one object on each line. The
fields are those of creating a product; other fields are ignored, and an empty cell means that the field is left out. If any line
is not valid, no product is created, and the answer lists the lines of the file that are not valid, and why.

Returns {"imported": "integer"}
Errors: LINES_REJECTED.';

grant execute on function http.import_products(jsonb, text) to inventory_admin;
