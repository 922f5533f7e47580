create or replace function http.catalog_supplier_json(p_supplier store.supplier)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_supplier.id,
        'name', p_supplier.name,
        'description', p_supplier.description,
        'business_name', p_supplier.business_name,
        'email', p_supplier.email,
        'phone_number', p_supplier.phone_number,
        'created_at', http.instant(p_supplier.created_at),
        'updated_at', http.instant(p_supplier.updated_at)
    );
end;
$$;

comment on function http.catalog_supplier_json(store.supplier) is
'A supplier as API 5 shows it.

Returns {"id": "integer", "name": "name", "description": "text?", "business_name": "name?", "email": "text?",
"phone_number": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
