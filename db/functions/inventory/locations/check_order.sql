create or replace function inventory.check_order(p_order inventory.art_order, p_index integer default null)
returns void
language plpgsql
immutable
as $$
declare
    v_type constant text := p_order.type;
    v_missing constant text := case
        when v_type is null then 'type'
        when p_order.sku is null then 'sku'
        when p_order.quantity is null then 'quantity'
    end;
    v_least constant integer := case v_type when 'Count' then 0 when 'Adjust' then -1000000 else 1 end;
    v_fields constant text [] := case
        when v_type in ('Remove', 'Transfer') and p_order.from_location is null then '{from_location}'::text []
        when v_type in ('Add', 'Transfer', 'Count', 'Adjust') and p_order.to_location is null then '{to_location}'
        when v_type = 'Transfer' and p_order.from_location = p_order.to_location then '{from_location,to_location}'
        when v_type = 'Adjust' and p_order.quantity = 0 then '{quantity}'
    end;
begin
    if v_missing is not null then
        perform inventory.require_argument(v_missing, true);
    elsif p_order.quantity < v_least then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('quantity must be at least %s for %s operations', v_least, v_type),
            detail = jsonb_strip_nulls(
                jsonb_build_object('field', 'quantity', 'input', p_order.quantity, 'minimum', v_least, 'index', p_index)
            );
    elsif v_fields is not null then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = case v_fields
                when '{from_location,to_location}' then 'from_location and to_location must be different for Transfer operations'
                when '{quantity}' then 'quantity must not be 0 for Adjust operations'
                else format('%s is required for %s operations', v_fields[1], v_type)
            end,
            detail = jsonb_strip_nulls(jsonb_build_object('fields', v_fields, 'index', p_index));
    end if;
end;
$$;

comment on function inventory.check_order(inventory.art_order, integer) is
'Refuse an ART order that lacks a required field, or whose fields do not fit together. p_index: its position in a list, from 0.

Errors: 22004 with DETAIL {"field"}; 22023 with DETAIL {"field", "input", "minimum"} or {"fields"}, and "index" where it is
given.';
