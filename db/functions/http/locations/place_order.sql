create or replace function http.place_order(
    p_type inventory.art_type,
    p_sku inventory.art_sku,
    p_quantity inventory.art_quantity,
    p_from_location inventory.location_code default null,
    p_to_location inventory.location_code default null,
    p_reason inventory.art_reason default null,
    p_sufficient_stock boolean default true,
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
    v_operation constant store.art_operation := inventory.place_order(
        p_type, p_sku, p_quantity, p_from_location, p_to_location, p_reason, p_sufficient_stock, p_actor, p_expected
    );
begin
    return http.art_operation_json(v_operation);
end;
$$;

comment on function http.place_order(
    inventory.art_type, inventory.art_sku, inventory.art_quantity, inventory.location_code, inventory.location_code,
    inventory.art_reason, boolean, text, text
) is
'Carry out an ART order.

Add puts units into to_location. Remove takes units out of from_location. Transfer moves units from from_location to to_location.
Count sets what to_location holds. Adjust changes it by a signed quantity.
quantity: 1 to 1 000 000; for a Count also 0, for an Adjust also negative. sufficient_stock: false refuses the order as if there
were too little stock.

Returns "art_operation_json"
Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE,
KIT_HOLDS_NO_STOCK.';

grant execute on function http.place_order(
    inventory.art_type, inventory.art_sku, inventory.art_quantity, inventory.location_code, inventory.location_code,
    inventory.art_reason, boolean, text, text
) to inventory_operator;
