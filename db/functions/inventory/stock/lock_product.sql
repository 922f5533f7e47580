create or replace function inventory.lock_product(p_product_id bigint)
returns store.stock
language plpgsql
volatile
as $$
declare
    v_stock store.stock;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id for no key update;
    if not found then
        perform inventory.require_product(p_product_id);
        raise exception using
            errcode = 'IV019', -- INVENTORY_NOT_INITIALIZED
            message = format('Product %s has no inventory yet.', p_product_id);
    end if;
    return v_stock;
end;
$$;

comment on function inventory.lock_product(bigint) is
'Lock the product''s stock row until the end of the transaction, and return it. Errors: INVENTORY_NOT_INITIALIZED,
PRODUCT_NOT_FOUND.';
