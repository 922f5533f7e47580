create or replace function http.get_sku(p_sku_id uuid)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_product constant store.product := inventory.require_product(inventory.product_id_by_sku_id(p_sku_id));
    v_now constant timestamptz := inventory.clock();
    v_stock record;
begin
    v_stock := inventory.balances_of(v_product.id, v_now);
    return json_build_object(
        'sku_id', v_product.sku_id,
        'sku_code', v_product.sku,
        'name', v_product.name,
        'quantity', trim_scale(coalesce(v_stock.on_hand, 0)),
        'reserved', trim_scale(coalesce(v_stock.reserved, 0)),
        'blocked', trim_scale(coalesce(v_stock.blocked, 0)),
        'available', trim_scale(coalesce(v_stock.available, 0)),
        'price', trim_scale(inventory.active_price(v_product.id, p_at => v_now)),
        'created_at', inventory.instant_text(v_product.created_at),
        'blocks',
        (
            select coalesce(json_agg(j.item order by b.id), '[]')
            from store.block as b
            inner join http.block_json as j on b.id = j.id
            where b.product_id = v_product.id and inventory.is_active_block(b, v_now)
        ),
        'parts', case when v_stock.is_kit then http.kit_parts_json(v_product.id) else '[]' end
    );
end;
$$;

comment on function http.get_sku(uuid) is
'Show a SKU with its stock and its active blocks, all as of the same instant.

quantity is the quantity on hand; available = quantity - reserved - blocked. price is the active retail price; null if there is
none. parts: what one unit of a kit is made of; a kit has as many available as its parts allow. Empty for an ordinary
product.

Returns {"sku_id": "uuid", "sku_code": "sku_code", "name": "name", "quantity": "quantity", "reserved": "quantity",
"blocked": "quantity", "available": "quantity", "price": "money?", "created_at": "timestamp", "blocks": ["block_json"],
"parts": [{"sku_id": "uuid", "sku_code": "sku_code", "quantity": "quantity"}]}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_sku(uuid) to inventory_operator;
