create or replace function http.set_stocks(p_items inventory.stock_findings, p_actor text default null)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_counts constant store.stock_count [] := array(select c from inventory.set_stocks(p_items, p_actor) as c);
begin
    return json_build_object(
        'items',
        (
            select
                json_agg(
                    json_build_object(
                        'counted_at', inventory.instant_text(c.counted_at),
                        'quantity', trim_scale(c.quantity),
                        'difference', trim_scale(c.difference),
                        'item', j.item
                    )
                    order by c.ordinality
                )
            from unnest(v_counts) with ordinality as c
            inner join http.inventory_item_json as j on c.product_id = j.id
        ),
        'total', cardinality(v_counts)
    );
end;
$$;

comment on function http.set_stocks(inventory.stock_findings, text) is
'Set the stock on hand of 1 to 1000 products to what was counted, all or none.

Each product may be named once. See setStock of one product for the fields.

Returns {
    "items": [{"counted_at": "timestamp", "quantity": "quantity", "difference": "units", "item": "inventory_item_json"}],
    "total": "integer"
}
Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_INITIALIZED, QUANTITY_OUT_OF_RANGE, KIT_HOLDS_NO_STOCK.';

grant execute on function http.set_stocks(inventory.stock_findings, text) to inventory_operator;
