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
    v_now constant timestamptz := inventory.clock();
    v_price store.price;
begin
    perform inventory.require_product(p_product_id);
    v_price := inventory.price_at(p_product_id, coalesce(p_price_type, 'promo'), v_now);
    if v_price.id is null and p_price_type is null then
        v_price := inventory.price_at(p_product_id, 'retail', v_now);
    end if;
    if v_price.id is null then
        raise exception using
            errcode = 'IV029', -- PRICE_NOT_FOUND
            message = format('Product %s has no active price.', p_product_id);
    end if;
    return json_build_object('price', http.price_json(v_price));
end;
$$;

comment on function http.get_active_price(bigint, inventory.price_type) is
'Show the price of a product that customers see now.

The promo price where one is active, else the retail price. price_type: that type''s.

Returns {"price": "price_json"}
Errors: PRICE_NOT_FOUND, PRODUCT_NOT_FOUND.';

grant execute on function http.get_active_price(bigint, inventory.price_type) to inventory_public;
