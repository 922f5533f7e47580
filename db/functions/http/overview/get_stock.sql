create or replace function http.get_stock(p_product_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- The tag first: if a block expires meanwhile, a change with If-Match is refused.
    perform set_config('inventory.etag', inventory.product_tag(p_product_id), true);
    return (
        select row_to_json(r)
        from (
            select
                j.*,
                p.description,
                (
                    select coalesce(json_agg(h order by h.location), '[]')
                    from (
                        select
                            a.code as location,
                            trim_scale(l.quantity) as quantity
                        from store.location_stock as l
                        inner join store.location as a on l.location_id = a.id
                        where l.product_id = p.id and l.quantity > 0
                    ) as h
                ) as locations,
                trim_scale(coalesce(s.on_hand - s.located, 0)) as unplaced,
                (
                    select coalesce(json_agg(k order by k.sku), '[]')
                    from (
                        select
                            o.product_id,
                            o.sku_id,
                            o.sku,
                            o.name,
                            trim_scale(k.quantity) as quantity,
                            o.available
                        from store.kit_part as k
                        inner join http.stock_line_json as o on k.part_id = o.product_id
                        where k.kit_id = p.id
                    ) as k
                ) as parts
            from http.stock_line_json as j
            inner join store.product as p on j.product_id = p.id
            left join store.stock as s on j.product_id = s.product_id
            where j.product_id = p_product_id
        ) as r
    );
end;
$$;

comment on function http.get_stock(bigint) is
'Show a product with its stock, where it lies, and the parts of a kit.

locations: the locations that hold units of it, in order of code; unplaced: the units on hand that are at no location. parts: what
one unit of a kit is made of, and how many units of each part are available; empty for an ordinary product. The other fields are
those of the list.

Returns {"product_id": "integer", "sku_id": "uuid", "sku": "sku_code", "name": "name", "unit": "text?", "on_hand": "quantity",
"reserved": "quantity", "blocked": "quantity", "available": "quantity", "reorder_point": "quantity?",
"status": "active|inactive|archived?", "is_low": "boolean", "is_kit": "boolean", "price": "money?", "description": "text?",
"locations": [{"location": "text", "quantity": "quantity"}], "unplaced": "quantity",
"parts": [{"product_id": "integer", "sku_id": "uuid", "sku": "sku_code", "name": "name", "quantity": "quantity",
"available": "quantity"}]}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_stock(bigint) to inventory_operator;
