create or replace function http.get_active_price(
    p_product_id bigint,
    p_price_type inventory.price_type default null
)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_price_id constant bigint := (inventory.customer_price(p_product_id, p_price_type)).id;
begin
    return json_build_object(
        'price', (select p.item from http.price_json as p where p.product_id = p_product_id and p.id = v_price_id)
    );
end;
$$;

comment on function http.get_active_price(bigint, inventory.price_type) is
'Show the price of a product that customers see now.

This is the active promo price, or the retail price if no promo price is active. price_type: show the active price of that type.

Returns {"price": "price_json"}
Errors: PRICE_NOT_FOUND, PRODUCT_NOT_FOUND.';

grant execute on function http.get_active_price(bigint, inventory.price_type) to inventory_public;
