create or replace function http.create_inventory_item(
    p_sku inventory.sku_code,
    p_name inventory.name,
    p_price inventory.money,
    p_description inventory.description default null,
    p_stock inventory.quantity default 0,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_product store.product;
begin
    perform inventory.require_argument('price', p_price is null);

    v_product := inventory.create_product(p_sku, p_name, p_description, p_stock, p_price, p_actor => p_actor);
    -- A statement of its own: a stable function called in the one that creates would not see what it made.
    return http.inventory_item_json(v_product);
end;
$$;

comment on function http.create_inventory_item(
    inventory.sku_code, inventory.name, inventory.money, inventory.description, inventory.quantity, text
) is
'Create a product.

stock is its first stock on hand (default 0), price its retail price.

Returns {"id": "integer", "sku": "sku_code", "sku_id": "uuid", "name": "name", "description": "text?", "price": "money?",
"availableStock": "quantity", "reservedStock": "quantity", "blockedStock": "quantity", "onHandStock": "quantity"}
Errors: DUPLICATE_SKU.';

grant execute on function http.create_inventory_item(
    inventory.sku_code, inventory.name, inventory.money, inventory.description, inventory.quantity, text
) to inventory_operator;
