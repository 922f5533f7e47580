create or replace function http.create_sale(
    p_product_id bigint,
    p_quantity inventory.positive_quantity,
    p_unit_price inventory.money,
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
    v_sale constant store.sale := inventory.record_sale(p_product_id, p_quantity, p_unit_price, p_actor, p_expected);
begin
    return (select a.item from http.sale_with_inventory as a where a.id = v_sale.id);
end;
$$;

comment on function http.create_sale(bigint, inventory.positive_quantity, inventory.money, text, text) is
'Record a sale of units that are available.

unit_price is stored with the sale: later changes of the price do not affect it. cost is taken from the cost layers, first in
first out; null if it is not known.

Returns {"sale_item": "sale_json", "inventory": "inventory_json"}
Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, KIT_NOT_WHOLE.';

grant execute on function http.create_sale(bigint, inventory.positive_quantity, inventory.money, text, text) to inventory_admin;
