create or replace function http.prepare_order(p_arguments jsonb)
returns inventory.art_order
language plpgsql
immutable
as $$
declare
    v_order inventory.art_order;
begin
    v_order.type := p_arguments ->> 'p_type';
    v_order.sku := p_arguments ->> 'p_sku';
    v_order.quantity := (p_arguments ->> 'p_quantity')::inventory.art_quantity;
    v_order.from_location := p_arguments ->> 'p_from_location';
    v_order.to_location := p_arguments ->> 'p_to_location';
    v_order.reason := p_arguments ->> 'p_reason';
    v_order.sufficient_stock := (p_arguments ->> 'p_sufficient_stock')::boolean;
    perform inventory.check_order(v_order);
    return v_order;
end;
$$;

comment on function http.prepare_order(jsonb) is
'Translate the arguments of a call of http.place_order into an ART order.

Errors: classes 22 and 23 for arguments that do not have the right type or do not fit together.';
