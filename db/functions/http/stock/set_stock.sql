create or replace function http.set_stock(
    p_id inventory.product_reference,
    p_quantity inventory.quantity,
    p_counted_at timestamptz default null,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_expected is not null then
        perform inventory.require_expected(inventory.product_id(p_id), p_expected);
    end if;
    return http.set_stocks(
        array[row(p_id, p_quantity, p_counted_at, p_reason)::inventory.stock_found], p_actor
    ) #> '{items,0}';
end;
$$;

comment on function http.set_stock(
    inventory.product_reference, inventory.quantity, timestamptz, inventory.reason, text, text
) is
'Set a product''s stock on hand to what was counted.

counted_at: when it was counted; now if it is left out. A time without an offset is in UTC. What has moved since then keeps its
effect. difference is what the count has added to the stock on hand. The same count again changes nothing.

Returns {"counted_at": "timestamp", "quantity": "quantity", "difference": "units", "item": "inventory_item_json"}
Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_INITIALIZED, QUANTITY_OUT_OF_RANGE, KIT_HOLDS_NO_STOCK.';

grant execute on function http.set_stock(
    inventory.product_reference, inventory.quantity, timestamptz, inventory.reason, text, text
) to inventory_operator;
