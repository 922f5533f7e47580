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
language sql
volatile
as $$
select
    row(
        p_after.product_id, nextval('store.movement_id_seq'), p_kind, p_before.on_hand, p_after.on_hand, p_before.reserved,
        p_after.reserved, p_before.blocked, p_after.blocked, null, p_reference, p_reason, coalesce(p_actor, session_user),
        p_occurred_at, p_after.updated_at, p_after.average_quantity, p_after.average_value, p_after.last_number, session_user,
        p_after.feed_key
    )::store.movement;
$$;

comment on function inventory.new_movement(text, store.stock, store.stock, text, text, text, timestamptz) is
'Make the row of the movement between two states of a product''s balances, without writing it. Its cost is not set yet.

The movement is created at p_after.updated_at. p_actor null: the login. PostgreSQL inlines the function.';
