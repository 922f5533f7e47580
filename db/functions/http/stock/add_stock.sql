create or replace function http.add_stock(
    p_id inventory.product_reference,
    p_amount inventory.quantity,
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
    -- One expression instead of PERFORM and RETURN saves a statement in PL/pgSQL.
    return case
        when inventory.add_stock(inventory.product_id(p_id), p_amount, null, p_actor, p_expected) is null then null::json
    end;
end;
$$;

comment on function http.add_stock(inventory.product_reference, inventory.quantity, text, text) is
'Add units to a product.

id: the integer id, or the UUID that API 1 calls sku_id. An amount of 0 does nothing.

Errors: PRODUCT_NOT_FOUND, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, QUANTITY_OUT_OF_RANGE, KIT_HOLDS_NO_STOCK.';

grant execute on function http.add_stock(inventory.product_reference, inventory.quantity, text, text) to inventory_operator;
