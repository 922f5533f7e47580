create or replace view http.seal_json as
select
    s.number,
    row_to_json(r) as item
from store.seal as s
cross join lateral ( -- noqa: ST05
    select
        s.number,
        inventory.instant_text(s.hour) as hour,
        inventory.feed_cursor(s.first_key, s.first_id) as first,
        inventory.feed_cursor(s.last_key, s.last_id) as last,
        s.movements,
        encode(s.hash, 'hex') as hash,
        encode(s.previous_hash, 'hex') as previous,
        inventory.instant_text(s.sealed_at) as sealed_at
) as r;

comment on view http.seal_json is
'A seal of the ledger as /api/v1/seals/ shows it.

Returns {"number": "integer", "hour": "timestamp", "first": "text", "last": "text", "movements": "integer", "hash": "text",
"previous": "text?", "sealed_at": "timestamp"}';
