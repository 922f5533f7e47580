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
'The integer id that a reference stands for: itself, or that of the product with this sku_id.

Whether a product has that integer id is for the caller to find out. Errors: PRODUCT_NOT_FOUND for an unknown UUID.';
