create or replace function http.create_inflow(
    p_supplier inventory.related_id,
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
    v_id constant bigint := (inventory.record_inflow(p_product, p_supplier, p_quantity, p_description, p_actor, p_expected)).id;
begin
    return (select i.item from http.inflow_json as i where i.id = v_id);
end;
$$;

comment on function http.create_inflow(
    inventory.related_id, inventory.related_id, inventory.positive_whole_quantity, inventory.description, text, text
) is
'Record an inflow: units of a product come in from a supplier.

Each unit costs the product''s cost_price. The event inflow.created is queued.

Returns "inflow_json"
Errors: INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE, SUPPLIER_NOT_FOUND,
KIT_HOLDS_NO_STOCK.';

grant execute on function http.create_inflow(
    inventory.related_id, inventory.related_id, inventory.positive_whole_quantity, inventory.description, text, text
) to inventory_admin;
