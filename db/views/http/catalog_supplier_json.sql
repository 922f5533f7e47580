create or replace view http.catalog_supplier_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        s.id,
        s.name,
        s.description,
        s.business_name,
        s.email,
        s.phone_number,
        inventory.instant_text(s.created_at) as created_at,
        inventory.instant_text(s.updated_at) as updated_at
    from store.supplier as s
) as r;

comment on view http.catalog_supplier_json is
'A supplier as API 5 shows it.

Returns {"id": "integer", "name": "name", "description": "text?", "business_name": "name?", "email": "text?",
"phone_number": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
