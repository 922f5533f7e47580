create or replace function inventory.write_movement(
    p_stock store.stock,
    p_kind text,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_reference text,
    p_reason text,
    p_actor text,
    p_unit_cost numeric default null,
    p_value numeric default null,
    p_returns_movement_id bigint default null,
    p_layer_id bigint default null
)
returns store.movement
language plpgsql
volatile
as $$
declare
    v_movement store.movement;
begin
    v_movement.product_id := p_stock.product_id;
    v_movement.id := nextval('store.movement_id_seq');
    v_movement.kind := p_kind;
    v_movement.on_hand_before := p_stock.on_hand - p_on_hand;
    v_movement.on_hand_after := p_stock.on_hand;
    v_movement.reserved_before := p_stock.reserved - p_reserved;
    v_movement.reserved_after := p_stock.reserved;
    v_movement.blocked_before := p_stock.blocked - p_blocked;
    v_movement.blocked_after := p_stock.blocked;
    v_movement.reference := p_reference;
    v_movement.reason := p_reason;
    v_movement.actor := coalesce(p_actor, session_user);
    v_movement.occurred_at := p_stock.updated_at;
    v_movement.created_at := p_stock.updated_at;

    v_movement.average_quantity := p_stock.average_quantity;
    v_movement.average_value := p_stock.average_value;

    if p_on_hand > 0 and p_returns_movement_id is not null then
        v_movement.cost := inventory.restore_cost_layers(
            p_stock.product_id, v_movement.id, p_on_hand, p_returns_movement_id
        );
    elsif p_on_hand > 0 then
        perform inventory.open_cost_layer(
            p_stock.product_id, v_movement.id, p_on_hand, p_unit_cost, p_value, p_stock.updated_at
        );
        v_movement.cost := p_value;
    elsif p_on_hand < 0 then
        v_movement.cost := inventory.use_cost_layers(p_stock.product_id, v_movement.id, -p_on_hand, p_layer_id);
    end if;

    insert into store.movement values (v_movement.*);
    return v_movement;
end;
$$;

comment on function inventory.write_movement(
    store.stock, text, numeric, numeric, numeric, text, text, text, numeric, numeric, bigint, bigint
) is
'Write the movement that led to p_stock, the balances that inventory.update_balances returned, and open the cost layer of
what came (p_unit_cost a unit, p_value in all), restore those of what came back (from p_returns_movement_id), or use up
those of what left (p_layer_id: of that layer alone). The caller holds the product''s stock row.';
