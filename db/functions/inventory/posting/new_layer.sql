create or replace function inventory.new_layer(
    p_movement store.movement,
    p_quantity numeric,
    p_unit_cost numeric,
    p_value numeric
)
returns store.cost_layer
language plpgsql
volatile
as $$
declare
    v_layer store.cost_layer;
begin
    v_layer.product_id := p_movement.product_id;
    v_layer.id := nextval('store.cost_layer_id_seq');
    v_layer.number := p_movement.number;
    v_layer.movement_id := p_movement.id;
    v_layer.received_at := p_movement.created_at;
    v_layer.quantity := p_quantity;
    v_layer.remaining := p_quantity;
    v_layer.unit_cost := p_unit_cost;
    v_layer.value := p_value;
    v_layer.remaining_value := p_value;
    v_layer.is_open := true;
    return v_layer;
end;
$$;

comment on function inventory.new_layer(store.movement, numeric, numeric, numeric) is
'Make the row of an arrival''s cost layer, without writing it. p_value: its value; null: the cost is not known.';
