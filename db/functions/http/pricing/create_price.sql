create or replace function http.create_price(
    p_product_id bigint,
    p_amount inventory.money,
    p_price_type inventory.price_type default 'retail',
    p_effective_from inventory.iso_time default null,
    p_effective_to inventory.iso_time default null,
    p_close_old_price boolean default true,
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
    v_price constant store.price := inventory.set_price(
        p_product_id,
        p_amount,
        p_price_type,
        inventory.earliest_instant(p_effective_from),
        inventory.earliest_instant(p_effective_to),
        p_close_old_price,
        p_actor,
        p_expected
    );
begin
    return json_build_object(
        'price',
        (select p.item from http.price_json as p where p.product_id = v_price.product_id and p.id = v_price.id)
    );
end;
$$;

comment on function http.create_price(
    bigint, inventory.money, inventory.price_type, inventory.iso_time, inventory.iso_time, boolean, text, text
) is
'Set a price of a product: create a price rule.

price_type: retail (default), promo or wholesale. effective_from: when the rule begins (default: now). effective_to: when it ends,
exclusive (default: never). close_old_price: the rules of that type in force at effective_from end there (default: true).

Returns {"price": "price_json"}
Errors: BACKDATED_PRICE, PRODUCT_NOT_FOUND.';

grant execute on function http.create_price(
    bigint, inventory.money, inventory.price_type, inventory.iso_time, inventory.iso_time, boolean, text, text
) to inventory_admin;
