create or replace function http.create_outflow(
    p_product inventory.related_id,
    p_quantity inventory.positive_whole_quantity,
    p_description inventory.description default null,
    p_actor text default null,
    p_expected text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.record_outflow(p_product, p_quantity, p_description, p_actor, p_expected)).id;
begin
    return (select o.item from http.outflow_json as o where o.id = v_id);
end;
$$;

comment on function http.create_outflow(
    inventory.related_id, inventory.positive_whole_quantity, inventory.description, text, text
) is
'Record an outflow: units of a product that are available go out.

The event outflow.created is queued.

Returns "outflow_json"
Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, KIT_HOLDS_NO_STOCK.';

grant execute on function http.create_outflow(
    inventory.related_id, inventory.positive_whole_quantity, inventory.description, text, text
) to inventory_admin;
