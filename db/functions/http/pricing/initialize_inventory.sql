create or replace function http.initialize_inventory(
    p_product_id bigint,
    p_unit_id integer,
    p_quantity inventory.quantity default 0,
    p_reorder_point inventory.quantity default null,
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
        inventory.initialize_inventory(p_product_id, p_unit_id, p_quantity, p_reorder_point, p_actor, p_expected)
    ).product_id;
begin
    return json_build_object('inventory', (select i.item from http.inventory_json as i where i.product_id = v_product_id));
end;
$$;

comment on function http.initialize_inventory(
    bigint, integer, inventory.quantity, inventory.quantity, text, text
) is
'Initialize the inventory of a product.

unit_id: the unit that the product is counted in. quantity: the first stock (default 0). reorder_point: reorder if the quantity on
hand is at or below it.

Returns {"inventory": "inventory_json"}
Errors: INVENTORY_ALREADY_INITIALIZED, PRODUCT_NOT_FOUND, UNIT_NOT_FOUND.';

grant execute on function http.initialize_inventory(
    bigint, integer, inventory.quantity, inventory.quantity, text, text
) to inventory_admin;
