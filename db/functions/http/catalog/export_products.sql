create or replace function http.export_products(
    p_after bigint default null,
    p_limit inventory.page_limit default 1000
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', p.id,
                        'sku', p.sku,
                        'sku_id', p.sku_id,
                        'title', p.name,
                        'category', p.category_id,
                        'category_name', c.name,
                        'brand', p.brand_id,
                        'brand_name', b.name,
                        'description', p.description,
                        'serie_number', p.serial_number,
                        'cost_price', http.money_text(p.cost_price),
                        'selling_price', http.money_text(r.amount),
                        'quantity', trim_scale(coalesce(s.on_hand, 0)),
                        'created_at', inventory.instant_text(p.created_at),
                        'updated_at', inventory.instant_text(greatest(p.updated_at, s.updated_at))
                    )
                    order by p.id
                ),
                '[]'
            )
        from (
            select *
            from store.product as q
            where q.id > coalesce(p_after, 0)
            order by q.id
            limit coalesce(p_limit, 1000)
        ) as p
        left join store.stock as s on p.id = s.product_id
        left join store.category as c on p.category_id = c.id
        left join store.brand as b on p.brand_id = b.id
        left join lateral inventory.price_at(p.id, 'retail', v_now) as r on true
    );
end;
$$;

comment on function http.export_products(bigint, inventory.page_limit) is
'Export all products, in order of id, as CSV or as JSON with one object on each line.

format: csv (default) or ndjson. The lines can be imported again. They are read and sent in parts, so each line shows the product
as it was when its part was read.

Returns [{"id": "integer", "sku": "sku_code", "sku_id": "uuid", "title": "name", "category": "integer?",
"category_name": "name?", "brand": "integer?", "brand_name": "name?", "description": "text?", "serie_number": "text?",
"cost_price": "amount?", "selling_price": "amount?", "quantity": "quantity", "created_at": "timestamp",
"updated_at": "timestamp"}]';

grant execute on function http.export_products(bigint, inventory.page_limit) to inventory_employee;
