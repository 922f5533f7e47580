create or replace view http.brand_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        b.id,
        b.name,
        b.description,
        inventory.instant_text(b.created_at) as created_at,
        inventory.instant_text(b.updated_at) as updated_at
    from store.brand as b
) as r;

comment on view http.brand_json is
'A brand as API 5 shows it.

Returns {"id": "integer", "name": "name", "description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
