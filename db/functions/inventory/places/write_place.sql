create or replace function inventory.write_place(
    p_product_id bigint,
    p_movement_id bigint,
    p_location_id bigint,
    p_before numeric,
    p_after numeric,
    p_arrived_at timestamptz
)
returns void
language plpgsql
volatile
as $$
begin
    insert into store.location_stock as l (product_id, location_id, quantity, arrived_at)
    values (p_product_id, p_location_id, p_after, p_arrived_at)
    on conflict (product_id, location_id) do update
    set
        quantity = excluded.quantity,
        arrived_at = case when l.quantity = 0 then excluded.arrived_at else least(l.arrived_at, excluded.arrived_at) end;

    insert into store.location_movement (product_id, movement_id, location_id, quantity_before, quantity_after)
    values (p_product_id, p_movement_id, p_location_id, p_before, p_after);
end;
$$;

comment on function inventory.write_place(bigint, bigint, bigint, numeric, numeric, timestamptz) is
'Write down what a movement changed at a place. p_arrived_at: since when the place holds what it holds now, where it held
nothing before. The caller holds the product''s stock row.';
