create or replace function http.movement_json(p_movement store.movement)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_movement.id,
        'kind', p_movement.kind,
        'quantity', http.decimal_text(p_movement.on_hand_after - p_movement.on_hand_before),
        'on_hand_before', http.decimal_text(p_movement.on_hand_before),
        'on_hand_after', http.decimal_text(p_movement.on_hand_after),
        'reserved_before', http.decimal_text(p_movement.reserved_before),
        'reserved_after', http.decimal_text(p_movement.reserved_after),
        'blocked_before', http.decimal_text(p_movement.blocked_before),
        'blocked_after', http.decimal_text(p_movement.blocked_after),
        'cost', http.decimal_text(p_movement.cost),
        'reference', p_movement.reference,
        'reason', p_movement.reason,
        'actor', p_movement.actor,
        'occurred_at', http.instant_without_offset(p_movement.occurred_at),
        'created_at', http.instant_without_offset(p_movement.created_at)
    );
end;
$$;

comment on function http.movement_json(store.movement) is
'A movement as API 3 shows it. cost: what the arrival brought or the departure took; null: not known, or neither.

Returns {"id": "integer", "kind": "text", "quantity": "decimal", "on_hand_before": "decimal", "on_hand_after": "decimal",
"reserved_before": "decimal", "reserved_after": "decimal", "blocked_before": "decimal", "blocked_after": "decimal",
"cost": "decimal?", "reference": "text?", "reason": "text?", "actor": "text", "occurred_at": "time", "created_at": "time"}';
