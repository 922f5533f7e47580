create or replace function inventory.record_sale(
    p_product_id bigint,
    p_quantity inventory.positive_quantity,
    p_unit_price inventory.money,
    p_actor text default null
)
returns store.sale
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_sale store.sale;
begin
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.require_argument('unit_price', p_unit_price is null);

    v_sale.product_id := p_product_id;
    v_sale.id := nextval('store.sale_id_seq');
    v_sale.quantity := p_quantity;
    v_sale.unit_price := p_unit_price;
    v_sale.revenue := round(p_quantity * p_unit_price, 3);
    return inventory.write_sale(
        v_sale,
        inventory.change_stock(
            p_product_id, 'sale', p_on_hand => -p_quantity, p_reference => v_sale.id::text, p_actor => p_actor
        )
    );
end;
$$;

comment on function inventory.record_sale(bigint, inventory.positive_quantity, inventory.money, text) is
'Sell units of a product that are available, at a price that stays with the sale: a departure.

What it cost, first in first out, stays with it too; null where that is not known. Locks the product''s stock row. Errors:
INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND.';

grant execute on function inventory.record_sale(
    bigint, inventory.positive_quantity, inventory.money, text
) to inventory_admin;
