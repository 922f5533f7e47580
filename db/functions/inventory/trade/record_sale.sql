create or replace function inventory.record_sale(
    p_product_id bigint,
    p_quantity inventory.positive_quantity,
    p_unit_price inventory.money,
    p_actor text default null,
    p_expected text default null
)
returns store.sale
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_posted inventory.posted;
begin
    perform inventory.require_argument('unit_price', p_unit_price is null);
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    v_posted := inventory.post_line(
        inventory.line('sale', p_product_id, p_quantity, p_actor => p_actor, p_unit_price => p_unit_price)
    );
    return inventory.sale_of(v_posted.movement);
end;
$$;

comment on function inventory.record_sale(bigint, inventory.positive_quantity, inventory.money, text, text) is
'Record a sale of available units of a product: a departure. The price is stored with the sale.

The cost, first in first out, is stored with the sale too; null if it is not known. Locks the product''s stock row. Errors:
INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE, PRODUCT_NOT_FOUND.';

grant execute on function inventory.record_sale(
    bigint, inventory.positive_quantity, inventory.money, text, text
) to inventory_admin;
