create or replace function http.brand_json(p_brand store.brand)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_brand.id,
        'name', p_brand.name,
        'description', p_brand.description,
        'created_at', http.instant(p_brand.created_at),
        'updated_at', http.instant(p_brand.updated_at)
    );
end;
$$;

comment on function http.brand_json(store.brand) is
'A brand as API 5 shows it.

Returns {"id": "integer", "name": "name", "description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
