create or replace function http.return_sale(
    p_sale_id bigint,
    p_quantity inventory.positive_quantity default null,
    p_reason inventory.reason default null,
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
    v_sale constant store.sale := inventory.return_sale(p_sale_id, p_quantity, p_reason, p_actor, p_expected);
begin
    return (select a.item from http.sale_with_inventory as a where a.id = v_sale.id);
end;
$$;

comment on function http.return_sale(bigint, inventory.positive_quantity, inventory.reason, text, text) is
'Record a return: units of a sale come back into the cost layers that they left.

quantity: how many (default: all that have not come back). The sale stays as it is. The return is listed as a separate sale with a
negative quantity, revenue and cost.

Returns {"sale_item": "sale_json", "inventory": "inventory_json"}
Errors: QUANTITY_OUT_OF_RANGE, RETURN_EXCEEDS_DEPARTURE, SALE_NOT_FOUND, KIT_HOLDS_NO_STOCK, KIT_NOT_WHOLE.';

grant execute on function http.return_sale(bigint, inventory.positive_quantity, inventory.reason, text, text) to inventory_admin;
