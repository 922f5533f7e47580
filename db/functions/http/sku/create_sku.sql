create or replace function http.create_sku(
    p_sku_code inventory.sku_code,
    p_name inventory.name,
    p_quantity inventory.quantity,
    p_price inventory.money,
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
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.require_argument('price', p_price is null);

    v_product := inventory.create_product(
        p_sku_code, p_name, p_quantity => p_quantity, p_price => p_price, p_actor => p_actor
    );
    return json_build_object(
        'sku_id', v_product.sku_id,
        'sku_code', v_product.sku,
        'name', v_product.name,
        'quantity', trim_scale(p_quantity),
        'price', trim_scale(p_price),
        'created_at', inventory.instant_text(v_product.created_at)
    );
end;
$$;

comment on function http.create_sku(inventory.sku_code, inventory.name, inventory.quantity, inventory.money, text) is
'Create a SKU.

quantity is the first stock on hand; price is the retail price.

Returns {"sku_id": "uuid", "sku_code": "sku_code", "name": "name", "quantity": "quantity", "price": "money",
"created_at": "timestamp"}
Errors: DUPLICATE_SKU.';

grant execute on function http.create_sku(
    inventory.sku_code, inventory.name, inventory.quantity, inventory.money, text
) to inventory_operator;
