create or replace view http.supplier_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        s.id,
        s.name,
        s.business_name,
        s.email,
        s.phone_number,
        http.instant_without_offset(s.created_at) as created_at,
        http.instant_without_offset(s.updated_at) as updated_at
    from store.supplier as s
) as r;

comment on view http.supplier_json is
'A supplier as API 3 shows it.

Returns {"id": "integer", "name": "name", "business_name": "name?", "email": "text?", "phone_number": "text?",
"created_at": "time", "updated_at": "time"}';
