create or replace function http.reserve_stock(
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
        when inventory.reserve_stock(inventory.product_id(p_id), p_amount, null, p_actor, p_expected) is null then null::json
    end;
end;
$$;

comment on function http.reserve_stock(inventory.product_reference, inventory.quantity, text, text) is
'Reserve available units of a product.

id: the integer id, or the UUID that API 1 calls sku_id. An amount of 0 does nothing.

Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE.';

grant execute on function http.reserve_stock(inventory.product_reference, inventory.quantity, text, text) to inventory_operator;
