create or replace function http.get_sku(p_sku_id uuid)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_read record;
    v_kit record;
begin
    select
        p.id,
        p.sku_id,
        p.sku,
        p.name,
        p.created_at,
        coalesce(s.on_hand, 0) as on_hand,
        coalesce(s.reserved, 0) as reserved,
        case when s.blocked > 0 then s.blocked - inventory.expired_quantity(s.product_id, v_now) else 0 end as blocked,
        price.amount as price,
        coalesce(s.is_kit, false) as is_kit,
        set_config('inventory.etag', tag, true)
    into v_read
    from store.product as p
    left join store.stock as s on p.id = s.product_id
    left join lateral inventory.price_at(p.id, 'retail', v_now) as price on true
    cross join lateral inventory.tag_of(p, inventory.number_at(s, v_now), v_now) as tag
    where p.sku_id = p_sku_id;
    if not found then
        perform inventory.product_id_by_sku_id(p_sku_id); -- raises the right error
    elsif v_read.is_kit then
        v_kit := inventory.balances_of(v_read.id, v_now);
        v_read.on_hand := v_kit.on_hand;
        v_read.blocked := v_kit.blocked;
    end if;
    return json_build_object(
        'sku_id', v_read.sku_id,
        'sku_code', v_read.sku,
        'name', v_read.name,
        'quantity', trim_scale(v_read.on_hand),
        'reserved', trim_scale(v_read.reserved),
        'blocked', trim_scale(v_read.blocked),
        'available', trim_scale(v_read.on_hand - v_read.reserved - v_read.blocked),
        'price', trim_scale(v_read.price),
        'created_at', inventory.instant_text(v_read.created_at),
        'blocks',
        (
            select coalesce(json_agg(j.item order by b.id), '[]')
            from store.block as b
            inner join http.block_json as j on b.id = j.id
            where b.product_id = v_read.id and inventory.is_active_block(b, v_now)
        ),
        'parts', case when v_read.is_kit then http.kit_parts_json(v_read.id) else '[]' end
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
