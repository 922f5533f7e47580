create or replace function http.get_inventory(p_product_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_read record;
begin
    select i.item, set_config('inventory.etag', i.tag, true)
    into v_read
    from http.inventory_json as i
    where i.product_id = p_product_id;
    if not found then
        perform inventory.require_inventory(p_product_id);
    end if;
    return json_build_object('inventory', v_read.item);
end;
$$;

comment on function http.get_inventory(bigint) is
'Show the inventory of a product.

quantity is the quantity on hand; available = quantity - reserved - blocked.

Returns {"inventory": "inventory_json"}
Errors: INVENTORY_NOT_FOUND, PRODUCT_NOT_FOUND.';

grant execute on function http.get_inventory(bigint) to inventory_employee;
