create or replace function inventory.place_order(
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
returns store.art_operation
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_order constant inventory.art_order := row(
        p_type, p_sku, p_quantity, p_from_location, p_to_location, p_reason, p_sufficient_stock
    );
    v_prepared record;
    v_done record;
begin
    perform inventory.check_order(v_order);
    v_prepared := inventory.prepare_orders(array[v_order], array[p_actor]);
    if p_expected is not null then
        perform inventory.require_expected(v_prepared.operations[1].product_id, p_expected);
    end if;
    v_done := inventory.finish_orders(
        v_prepared.operations, v_prepared.refusals, inventory.post(v_prepared.lines), v_prepared.new_locations
    );
    if v_done.refusals[1].sqlstate is not null then
        perform inventory.raise_refusal(v_done.refusals[1]);
    end if;
    return v_done.operations[1];
end;
$$;

comment on function inventory.place_order(
    inventory.art_type, inventory.art_sku, inventory.art_quantity, inventory.location_code, inventory.location_code,
    inventory.art_reason, boolean, text, text
) is
'Carry out an ART order and write it to the audit trail, in one transaction.

The types: Add units to a location, Remove units from one, Transfer units between two, Count the stock of one, Adjust it by a
signed quantity. A location that does not exist is created when units are added, transferred, counted or adjusted there. Only
available units can leave. p_sufficient_stock false: refuse the order as if there were too little stock. Errors:
INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE (Add, Remove), INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE; 22023
if the fields do not fit together.';

grant execute on function inventory.place_order(
    inventory.art_type, inventory.art_sku, inventory.art_quantity, inventory.location_code, inventory.location_code,
    inventory.art_reason, boolean, text, text
) to inventory_operator;
