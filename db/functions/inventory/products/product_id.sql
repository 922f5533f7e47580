create or replace function inventory.product_id(p_reference inventory.product_reference)
returns bigint
language plpgsql
stable
as $$
begin
    if p_reference like '%-%' then
        return inventory.product_id_by_sku_id(p_reference::uuid);
    end if;
    return p_reference::bigint;
end;
$$;

comment on function inventory.product_id(inventory.product_reference) is
'The integer id that a reference means: an integer is the id itself, a UUID is the sku_id of a product.

The function does not check whether a product has that integer id. Errors: PRODUCT_NOT_FOUND for an unknown UUID.';
