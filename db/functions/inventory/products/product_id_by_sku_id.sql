create or replace function inventory.product_id_by_sku_id(p_sku_id uuid)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id bigint;
begin
    select p.id into v_id from store.product as p where p.sku_id = p_sku_id;
    if not found then
        raise exception using
            errcode = 'IV003', -- PRODUCT_NOT_FOUND
            message = format('SKU %s does not exist.', coalesce(p_sku_id::text, 'null')),
            detail = jsonb_build_object('sku_id', p_sku_id);
    end if;
    return v_id;
end;
$$;

comment on function inventory.product_id_by_sku_id(uuid) is
'The integer id of the product with this sku_id. Errors: PRODUCT_NOT_FOUND.';

grant execute on function inventory.product_id_by_sku_id(uuid) to inventory_operator;
