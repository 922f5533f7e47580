create or replace function inventory.check_order(
    p_type text,
    p_quantity integer,
    p_from_location text,
    p_to_location text,
    p_place jsonb default '[]'
)
returns void
language plpgsql
immutable
as $$
declare
    v_least constant integer := case p_type when 'Count' then 0 when 'Adjust' then -1000000 else 1 end;
    v_wrong constant text := case
        when p_type in ('Remove', 'Transfer') and p_from_location is null
            then format('from_location is required for %s operations', p_type)
        when p_type in ('Add', 'Transfer', 'Count', 'Adjust') and p_to_location is null
            then format('to_location is required for %s operations', p_type)
        when p_type = 'Transfer' and p_from_location = p_to_location
            then 'from_location and to_location must be different for Transfer operations'
        when p_type = 'Adjust' and p_quantity = 0 then 'quantity must not be 0 for Adjust operations'
    end;
begin
    if p_quantity < v_least then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('Input should be greater than or equal to %s', v_least),
            detail = jsonb_build_object(
                'loc', p_place || '["quantity"]'::jsonb,
                'type', 'greater_than_equal',
                'ctx', jsonb_build_object('ge', v_least),
                'input', p_quantity
            );
    elsif v_wrong is not null then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = v_wrong,
            detail = jsonb_build_object('loc', p_place);
    end if;
end;
$$;

comment on function inventory.check_order(text, integer, text, text, jsonb) is
'Refuse an ART order whose fields do not go together; p_place: where it stands in the request.

Errors: 22023 with DETAIL {"loc", …}.';
