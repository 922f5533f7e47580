create or replace function http.answer(p_function text, p_arguments jsonb, p_posted inventory.posted, p_operation store.art_operation)
returns json
language plpgsql
stable
as $$
declare
    v_movement constant store.movement := p_posted.movement;
begin
    return case p_function
        when 'create_block' then http.block_json(p_posted.block, (p_arguments ->> 'p_sku_id')::uuid)
        when 'convert_block' then http.converted_json(p_posted.block)
        when 'cancel_block' then http.cancelled_json(p_posted.block)
        when 'create_sale' then http.sale_answer(inventory.sale_of(v_movement), v_movement)
        when 'create_purchase' then http.purchase_answer(inventory.purchase_of(v_movement), v_movement)
        when 'create_inflow' then http.inflow_json(inventory.require_inflow(v_movement.reference::bigint))
        when 'create_outflow' then http.outflow_json(inventory.require_outflow(v_movement.reference::bigint))
        when 'place_order' then http.art_operation_json(p_operation)
    end;
end;
$$;

comment on function http.answer(text, jsonb, inventory.posted, store.art_operation) is
'What http.<p_function> answers to a call that was posted.';
