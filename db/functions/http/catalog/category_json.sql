create or replace function http.category_json(p_category store.category)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_category.id,
        'name', p_category.name,
        'description', p_category.description,
        'created_at', http.instant(p_category.created_at),
        'updated_at', http.instant(p_category.updated_at)
    );
end;
$$;

comment on function http.category_json(store.category) is
'A category as API 5 shows it.

Returns {"id": "integer", "name": "name", "description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
