create or replace function inventory.restore_cost_layers(
    p_product_id bigint,
    p_movement_id bigint,
    p_quantity numeric,
    p_returns_movement_id bigint
)
returns numeric
language plpgsql
volatile
as $$
declare
    v_unit record;
    v_left numeric := p_quantity;
    v_total numeric := 0;
begin
    for v_unit in
        select * from inventory.returnable_units(p_product_id, p_returns_movement_id, p_quantity)
    loop
        update store.cost_layer as l
        set
            remaining = l.remaining + v_unit.quantity,
            remaining_value = l.remaining_value + v_unit.cost,
            is_open = true
        where l.product_id = p_product_id and l.id = v_unit.layer_id;

        insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost, returns_movement_id)
        values (p_product_id, p_movement_id, v_unit.layer_id, -v_unit.quantity, -v_unit.cost, p_returns_movement_id);

        v_total := v_total + v_unit.cost; -- null once any cost is not known
        v_left := v_left - v_unit.quantity;
    end loop;

    if v_left > 0 then
        raise exception using
            errcode = 'IV028', -- RETURN_EXCEEDS_DEPARTURE
            message = format('Only %s can still come back.', trim_scale(p_quantity - v_left)),
            detail = jsonb_build_object('returnable', p_quantity - v_left, 'requested', p_quantity);
    end if;
    return v_total;
end;
$$;

comment on function inventory.restore_cost_layers(bigint, bigint, numeric, bigint) is
'Bring p_quantity units of a departure back into the layers that they left, and return what they had cost; null where that
is not known for all. The caller holds the product''s stock row. Errors: RETURN_EXCEEDS_DEPARTURE.';
