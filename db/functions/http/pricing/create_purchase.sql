create or replace function http.create_purchase(
    p_product_id bigint,
    p_supplier_id bigint,
    p_quantity inventory.positive_quantity,
    p_unit_cost inventory.money,
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
    v_purchase constant store.purchase := inventory.record_purchase(
        p_product_id, p_supplier_id, p_quantity, p_unit_cost, p_actor, p_expected
    );
begin
    return (select a.item from http.purchase_with_inventory as a where a.id = v_purchase.id);
end;
$$;

comment on function http.create_purchase(
    bigint, bigint, inventory.positive_quantity, inventory.money, text, text
) is
'Record a purchase.

quantity is added to the stock, in a new cost layer at unit_cost.

Returns {"purchase_item": "purchase_json", "inventory": "inventory_json"}
Errors: INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE, SUPPLIER_NOT_FOUND,
KIT_HOLDS_NO_STOCK.';

grant execute on function http.create_purchase(
    bigint, bigint, inventory.positive_quantity, inventory.money, text, text
) to inventory_admin;
