create or replace function inventory.product_by_sku(p_sku text)
returns store.product
language plpgsql
stable
as $$
declare
    v_product store.product;
begin
    select * into v_product from store.product as p where p.sku = p_sku;
    if not found then
        raise exception using
            errcode = 'IV003', -- PRODUCT_NOT_FOUND
            message = format('SKU %s does not exist in the products table', p_sku),
            detail = jsonb_build_object('sku', p_sku);
    end if;
    return v_product;
end;
$$;

comment on function inventory.product_by_sku(text) is 'The product with this SKU code.

Errors: PRODUCT_NOT_FOUND.';
