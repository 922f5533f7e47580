create or replace function http.update_inventory(
    p_product_id bigint,
    p_quantity inventory.quantity default null,
    p_reorder_point inventory.quantity default null,
    p_status inventory.stock_status default null,
    p_expected_quantity inventory.quantity default null,
    p_actor text default null,
    p_expected text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_product_id constant bigint := (
        inventory.update_inventory(
            p_product_id, p_quantity, p_reorder_point, p_status, p_expected_quantity, p_actor => p_actor,
            p_expected => p_expected
        )
    ).product_id;
begin
    return json_build_object('inventory', (select i.item from http.inventory_json as i where i.product_id = v_product_id));
end;
$$;

comment on function http.update_inventory(
    bigint, inventory.quantity, inventory.quantity, inventory.stock_status, inventory.quantity, text, text
) is
'Correct the inventory of a product.

Fields that are left out stay as they are. A higher quantity is an arrival at the product''s cost price; a lower one is a
departure of available units. expected_quantity: the request is refused if another quantity is on hand.

Returns {"inventory": "inventory_json"}
Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_FOUND, PRODUCT_NOT_FOUND, QUANTITY_CHANGED, KIT_HOLDS_NO_STOCK.';

grant execute on function http.update_inventory(
    bigint, inventory.quantity, inventory.quantity, inventory.stock_status, inventory.quantity, text, text
) to inventory_admin;
