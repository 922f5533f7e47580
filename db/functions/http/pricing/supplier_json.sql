create or replace function http.supplier_json(p_supplier store.supplier)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_supplier.id,
        'name', p_supplier.name,
        'business_name', p_supplier.business_name,
        'email', p_supplier.email,
        'phone_number', p_supplier.phone_number,
        'created_at', http.instant_without_offset(p_supplier.created_at),
        'updated_at', http.instant_without_offset(p_supplier.updated_at)
    );
end;
$$;

comment on function http.supplier_json(store.supplier) is
'A supplier as API 3 shows it.

Returns {"id": "integer", "name": "name", "business_name": "name?", "email": "text?", "phone_number": "text?",
"created_at": "time", "updated_at": "time"}';
