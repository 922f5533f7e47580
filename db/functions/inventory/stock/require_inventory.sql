create or replace function inventory.require_inventory(p_product_id bigint)
returns store.stock
language plpgsql
stable
as $$
declare
    v_stock store.stock;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id;
    if not found then
        perform inventory.require_product(p_product_id);
        raise exception using
            errcode = 'IV020', -- INVENTORY_NOT_FOUND
            message = format('Product %s has no inventory.', p_product_id);
    end if;
    return v_stock;
end;
$$;

comment on function inventory.require_inventory(bigint) is
'The product''s stock row. Errors: INVENTORY_NOT_FOUND, PRODUCT_NOT_FOUND.';
