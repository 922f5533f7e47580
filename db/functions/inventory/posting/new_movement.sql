create or replace function inventory.new_movement(
    p_kind text,
    p_before store.stock,
    p_after store.stock,
    p_reference text,
    p_reason text,
    p_actor text,
    p_occurred_at timestamptz
)
returns store.movement
language plpgsql
volatile
as $$
declare
    v_movement store.movement;
begin
    v_movement.product_id := p_after.product_id;
    v_movement.id := nextval('store.movement_id_seq');
    v_movement.number := p_after.last_number;
    v_movement.kind := p_kind;
    v_movement.on_hand_before := p_before.on_hand;
    v_movement.on_hand_after := p_after.on_hand;
    v_movement.reserved_before := p_before.reserved;
    v_movement.reserved_after := p_after.reserved;
    v_movement.blocked_before := p_before.blocked;
    v_movement.blocked_after := p_after.blocked;
    v_movement.average_quantity := p_after.average_quantity;
    v_movement.average_value := p_after.average_value;
    v_movement.reference := p_reference;
    v_movement.reason := p_reason;
    v_movement.actor := coalesce(p_actor, session_user);
    v_movement.written_by := session_user;
    v_movement.occurred_at := p_occurred_at;
    v_movement.created_at := p_after.updated_at;
    return v_movement;
end;
$$;

comment on function inventory.new_movement(text, store.stock, store.stock, text, text, text, timestamptz) is
'The movement that leads from one state of a product''s balances to the next, at p_after.updated_at; its cost is not set yet.

p_actor null: the login. Writes nothing.';
