create or replace function inventory.record_purchase(
    p_product_id bigint,
    p_supplier_id bigint,
    p_quantity inventory.positive_quantity,
    p_unit_cost inventory.money,
    p_actor text default null
)
returns store.purchase
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_purchase store.purchase;
    v_last store.purchase;
    v_movement store.movement;
begin
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.require_argument('unit_cost', p_unit_cost is null);
    perform inventory.require_product(p_product_id);
    perform inventory.lock_supplier(p_supplier_id);

    v_purchase.id := nextval('store.purchase_id_seq');
    v_movement := inventory.change_stock(
        p_product_id, 'purchase', p_on_hand => p_quantity, p_unit_cost => p_unit_cost,
        p_reference => v_purchase.id::text, p_actor => p_actor
    );
    select * into v_last
    from store.purchase as p
    where p.product_id = p_product_id
    order by p.number desc
    limit 1;

    v_purchase.product_id := p_product_id;
    v_purchase.number := coalesce(v_last.number, 0) + 1;
    v_purchase.supplier_id := p_supplier_id;
    v_purchase.movement_id := v_movement.id;
    v_purchase.quantity := p_quantity;
    v_purchase.unit_cost := p_unit_cost;
    v_purchase.cost := v_movement.cost;
    v_purchase.actor := v_movement.actor;
    v_purchase.created_at := v_movement.created_at;
    v_purchase.quantity_to_date := coalesce(v_last.quantity_to_date, 0) + v_purchase.quantity;
    v_purchase.cost_to_date := coalesce(v_last.cost_to_date, 0) + v_purchase.cost;
    insert into store.purchase values (v_purchase.*);
    return v_purchase;
end;
$$;

comment on function inventory.record_purchase(bigint, bigint, inventory.positive_quantity, inventory.money, text) is
'Buy units of a product from a supplier: an arrival that opens a cost layer at p_unit_cost.

Locks the product''s stock row. Errors: INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND,
QUANTITY_OUT_OF_RANGE, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.record_purchase(
    bigint, bigint, inventory.positive_quantity, inventory.money, text
) to inventory_admin;
