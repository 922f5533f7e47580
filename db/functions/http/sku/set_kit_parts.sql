create or replace function http.set_kit_parts(
    p_sku_id uuid,
    p_parts inventory.kit_parts,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform inventory.set_kit_parts(inventory.product_id_by_sku_id(p_sku_id), p_parts, p_actor);
    return http.get_sku(p_sku_id);
end;
$$;

comment on function http.set_kit_parts(uuid, inventory.kit_parts, text) is
'Make a SKU a kit of other SKUs, or change the parts of a kit.

parts: what one unit of the kit takes, up to 50 lines; lines of the same SKU count together. An empty list makes it an ordinary
SKU again. The SKU must have no units of its own, and none of it may be reserved or blocked.

Returns {"sku_id": "uuid", "sku_code": "sku_code", "name": "name", "quantity": "quantity", "reserved": "quantity",
"blocked": "quantity", "available": "quantity", "price": "money?", "created_at": "timestamp", "blocks": ["block_json"],
"parts": [{"sku_id": "uuid", "sku_code": "sku_code", "quantity": "quantity"}]}
Errors: PRODUCT_NOT_FOUND, INVENTORY_NOT_INITIALIZED, KIT_IN_USE, KIT_NESTED, QUANTITY_OUT_OF_RANGE.';

grant execute on function http.set_kit_parts(uuid, inventory.kit_parts, text) to inventory_operator;
