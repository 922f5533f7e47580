create or replace view http.unit_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        u.id,
        u.name,
        u.symbol
    from store.unit as u
) as r;

comment on view http.unit_json is
'A unit of measure as API 3 shows it.

Returns {"id": "integer", "name": "name", "symbol": "text"}';
