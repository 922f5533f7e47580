create or replace function http.place_orders(
    p_orders inventory.art_orders,
    p_atomic boolean default false,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select
            json_build_object(
                'status',
                case
                    when bool_and(r.error_sqlstate is null) then 'success'
                    when bool_or(r.error_sqlstate is null) then 'partial'
                    else 'error'
                end,
                'results',
                json_agg(
                    case
                        when r.error_sqlstate is null then http.art_operation_json(r.operation)
                        else json_build_object(
                            'status', 'error',
                            'message', r.error_message,
                            'error_code', case e.code when 'PRODUCT_NOT_FOUND' then 'INVALID_SKU' else e.code end
                        )
                    end
                    order by r.position
                )
            )
        from inventory.place_orders(p_orders, p_atomic, p_actor) with ordinality
            as r (operation, error_sqlstate, error_message, error_detail, position)
        left join inventory.error_codes() as e on r.error_sqlstate = e.sqlstate
    );
end;
$$;

comment on function http.place_orders(inventory.art_orders, boolean, text) is
'Carry out 1 to 1000 ART orders, one after the other.

results has the result or the error of each order, in their order. atomic: if an order is refused, all are undone, and the answer
is its error with failed_index. An order whose fields are not valid refuses the whole request.

Returns {"status": "success|partial|error", "results": [{"status": "success|error", "message": "text",
"operation_type?": "art_type", "sku?": "text", "quantity?": "units", "from_location?": "text", "to_location?": "text",
"reason?": "text", "operation_id?": "integer", "timestamp?": "time", "error_code?": "text"}]}
Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE,
KIT_HOLDS_NO_STOCK.';

grant execute on function http.place_orders(inventory.art_orders, boolean, text) to inventory_operator;
