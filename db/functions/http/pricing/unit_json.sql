create or replace function http.unit_json(p_unit store.unit)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_unit.id,
        'name', p_unit.name,
        'symbol', p_unit.symbol
    );
end;
$$;

comment on function http.unit_json(store.unit) is
'A unit of measure as API 3 shows it.

Returns {"id": "integer", "name": "name", "symbol": "text"}';
