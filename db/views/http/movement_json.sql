create or replace view http.movement_json as
select
    m.product_id,
    m.number,
    row_to_json(r) as item
from store.movement as m
cross join lateral ( -- noqa: ST05
    select
        m.id,
        m.kind,
        http.decimal_text(m.on_hand_after - m.on_hand_before) as quantity,
        http.decimal_text(m.on_hand_before) as on_hand_before,
        http.decimal_text(m.on_hand_after) as on_hand_after,
        http.decimal_text(m.reserved_before) as reserved_before,
        http.decimal_text(m.reserved_after) as reserved_after,
        http.decimal_text(m.blocked_before) as blocked_before,
        http.decimal_text(m.blocked_after) as blocked_after,
        http.decimal_text(m.cost) as cost,
        m.reference,
        m.reason,
        m.actor,
        http.instant_without_offset(m.occurred_at) as occurred_at,
        http.instant_without_offset(m.created_at) as created_at
) as r;

comment on view http.movement_json is
'A movement as API 3 shows it.

cost: the value that the arrival added or the departure took; null if it is not known, or if the movement is neither.

Returns {"id": "integer", "kind": "text", "quantity": "decimal", "on_hand_before": "decimal", "on_hand_after": "decimal",
"reserved_before": "decimal", "reserved_after": "decimal", "blocked_before": "decimal", "blocked_after": "decimal",
"cost": "decimal?", "reference": "text?", "reason": "text?", "actor": "text", "occurred_at": "time", "created_at": "time"}';
