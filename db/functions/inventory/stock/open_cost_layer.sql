create or replace function inventory.open_cost_layer(
    p_product_id bigint,
    p_movement_id bigint,
    p_quantity numeric,
    p_unit_cost numeric,
    p_value numeric,
    p_received_at timestamptz
)
returns void
language plpgsql
volatile
as $$
begin
    insert into store.cost_layer (
        product_id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
    )
    values (p_product_id, p_movement_id, p_received_at, p_quantity, p_quantity, p_unit_cost, p_value, p_value);
end;
$$;

comment on function inventory.open_cost_layer(bigint, bigint, numeric, numeric, numeric, timestamptz) is
'Open the cost layer of an arrival, worth p_value; null where the cost is not known. The caller holds the product''s stock
row.';
