create or replace view http.category_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        c.id,
        c.name,
        c.description,
        inventory.instant_text(c.created_at) as created_at,
        inventory.instant_text(c.updated_at) as updated_at
    from store.category as c
) as r;

comment on view http.category_json is
'A category as API 5 shows it.

Returns {"id": "integer", "name": "name", "description": "text?", "created_at": "timestamp", "updated_at": "timestamp"}';
