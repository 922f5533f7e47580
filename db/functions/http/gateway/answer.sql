create or replace function http.answer(p_function text, p_posted inventory.posted, p_operation store.art_operation)
returns json
language plpgsql
stable
as $$
declare
    v_movement constant store.movement := p_posted.movement;
begin
    return case p_function
        when 'create_block' then (select b.item from http.block_json as b where b.id = (p_posted.block).id)
        when 'convert_block' then http.converted_json(p_posted.block)
        when 'cancel_block' then http.cancelled_json(p_posted.block)
        when 'create_sale' then http.sale_answer(inventory.sale_of(v_movement))
        when 'create_purchase' then http.purchase_answer(inventory.purchase_of(v_movement))
        when 'create_inflow' then (select i.item from http.inflow_json as i where i.id = v_movement.reference::bigint)
        when 'create_outflow' then (select o.item from http.outflow_json as o where o.id = v_movement.reference::bigint)
        when 'place_order' then http.art_operation_json(p_operation)
    end;
end;
$$;

comment on function http.answer(text, inventory.posted, store.art_operation) is
'What http.<p_function> answers to a call that was posted.';
