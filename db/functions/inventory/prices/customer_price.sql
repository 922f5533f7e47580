create or replace function inventory.customer_price(
    p_product_id bigint,
    p_price_type inventory.price_type default null
)
returns store.price
language plpgsql
stable
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_price store.price;
begin
    perform inventory.require_product(p_product_id);
    select * into v_price from inventory.price_at(p_product_id, coalesce(p_price_type, 'promo'), v_now);
    if not found and p_price_type is null then
        select * into v_price from inventory.price_at(p_product_id, 'retail', v_now);
    end if;
    if v_price.id is null then
        raise exception using
            errcode = 'IV029', -- PRICE_NOT_FOUND
            message = format('Product %s has no active price.', p_product_id);
    end if;
    return v_price;
end;
$$;

comment on function inventory.customer_price(bigint, inventory.price_type) is
'The price of a product that customers see now: the active promo price, or the retail price if no promo price is active.

p_price_type: return the active price of this type instead. Errors: PRICE_NOT_FOUND, PRODUCT_NOT_FOUND.';
