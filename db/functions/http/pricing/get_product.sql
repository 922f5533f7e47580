create or replace function http.get_product(p_product_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_read record;
begin
    select p.item, set_config('inventory.etag', p.tag, true)
    into v_read
    from http.product_json as p
    where p.id = p_product_id;
    if not found then
        perform inventory.require_product(p_product_id);
    end if;
    return json_build_object('product', v_read.item);
end;
$$;

comment on function http.get_product(bigint) is
'Show a product.

Returns {"product": "product_json"}
Errors: PRODUCT_NOT_FOUND.';

grant execute on function http.get_product(bigint) to inventory_public;
