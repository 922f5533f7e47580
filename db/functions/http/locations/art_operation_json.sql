create or replace function http.art_operation_json(p_operation store.art_operation)
returns json
language plpgsql
stable
as $$
declare
    v_quantity constant text := trim_scale(p_operation.quantity);
begin
    return json_strip_nulls(
        json_build_object(
            'status', 'success',
            'message',
            case p_operation.operation_type
                when 'Add'
                    then format(
                        'Successfully added %s units of SKU %s to location %s',
                        v_quantity, p_operation.sku, p_operation.to_location
                    )
                when 'Remove'
                    then format(
                        'Successfully removed %s units of SKU %s from location %s', v_quantity, p_operation.sku,
                        p_operation.from_location
                    )
                when 'Transfer'
                    then format(
                        'Successfully transferred %s units of SKU %s from location %s to location %s',
                        v_quantity, p_operation.sku, p_operation.from_location, p_operation.to_location
                    )
                when 'Count'
                    then format(
                        'Successfully counted %s units of SKU %s at location %s',
                        v_quantity, p_operation.sku, p_operation.to_location
                    )
                else format(
                    'Successfully adjusted SKU %s by %s units at location %s',
                    p_operation.sku, v_quantity, p_operation.to_location
                )
            end,
            'operation_type', p_operation.operation_type,
            'sku', p_operation.sku,
            'quantity', trim_scale(p_operation.quantity),
            'from_location', p_operation.from_location,
            'to_location', p_operation.to_location,
            'reason', p_operation.reason,
            'operation_id', p_operation.id,
            'timestamp', http.instant_without_offset(p_operation.created_at)
        )
    );
end;
$$;

comment on function http.art_operation_json(store.art_operation) is
'An ART order that was carried out, as API 4 shows it. Fields without a value are left out.

Returns {"status": "success", "message": "text", "operation_type": "art_type", "sku": "text", "quantity": "units",
"from_location?": "text", "to_location?": "text", "reason?": "text", "operation_id": "integer", "timestamp": "time"}';
