create or replace function inventory.require_product(p_product_id bigint)
returns store.product
language plpgsql
stable
as $$
declare
    v_product store.product;
begin
    select * into v_product from store.product as p where p.id = p_product_id;
    if not found then
        raise exception using
            errcode = 'IV003', -- PRODUCT_NOT_FOUND
            message = format('Product %s does not exist.', coalesce(p_product_id::text, 'null'));
    end if;
    return v_product;
end;
$$;

comment on function inventory.require_product(bigint) is 'The product with this id. Errors: PRODUCT_NOT_FOUND.';
