create or replace function inventory.record_purchase(
    p_product_id bigint,
    p_supplier_id bigint,
    p_quantity inventory.positive_quantity,
    p_unit_cost inventory.money,
    p_actor text default null,
    p_expected text default null
)
returns store.purchase
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_posted inventory.posted;
begin
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.require_argument('unit_cost', p_unit_cost is null);
    perform inventory.require_product(p_product_id);
    perform inventory.lock_supplier(p_supplier_id);
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    v_posted := inventory.post_line(
        inventory.line(
            'purchase', p_product_id, p_quantity, p_actor => p_actor, p_unit_cost => p_unit_cost, p_supplier_id => p_supplier_id
        )
    );
    return inventory.purchase_of(v_posted.movement);
end;
$$;

comment on function inventory.record_purchase(
    bigint, bigint, inventory.positive_quantity, inventory.money, text, text
) is
'Record a purchase from a supplier: an arrival that opens a cost layer at p_unit_cost.

Locks the product''s stock row. Errors: INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND,
QUANTITY_OUT_OF_RANGE, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.record_purchase(
    bigint, bigint, inventory.positive_quantity, inventory.money, text, text
) to inventory_admin;
