create or replace function inventory.record_inflow(
    p_product_id bigint,
    p_supplier_id bigint,
    p_quantity inventory.positive_whole_quantity,
    p_description inventory.description default null,
    p_actor text default null
)
returns store.inflow
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_inflow store.inflow;
    v_movement store.movement;
begin
    perform inventory.require_argument('quantity', p_quantity is null);
    perform inventory.require_product(p_product_id);
    perform inventory.lock_supplier(p_supplier_id);

    v_inflow.product_id := p_product_id;
    v_inflow.id := nextval('store.inflow_id_seq');
    v_movement := inventory.change_stock(
        p_product_id, 'inflow', p_on_hand => p_quantity, p_unit_cost => inventory.cost_price_of(p_product_id),
        p_reference => v_inflow.id::text, p_reason => p_description, p_actor => p_actor
    );
    v_inflow.supplier_id := p_supplier_id;
    v_inflow.movement_id := v_movement.id;
    v_inflow.quantity := p_quantity;
    v_inflow.description := p_description;
    v_inflow.actor := v_movement.actor;
    v_inflow.created_at := v_movement.created_at;
    insert into store.inflow values (v_inflow.*);
    perform inventory.count_rows('inflow', 1);

    if inventory.has_subscriber('inflow.created') then
        perform inventory.queue_events(
            'inflow.created',
            array[
                json_build_object(
                    'id', v_inflow.id,
                    'supplier', json_build_object('id', p_supplier_id, 'name', (inventory.require_supplier(p_supplier_id)).name),
                    'product', inventory.product_in_event(p_product_id),
                    'quantity', p_quantity,
                    'on_hand', trim_scale(v_movement.on_hand_after),
                    'description', p_description
                )
            ],
            array[v_inflow.created_at]
        );
    end if;
    return v_inflow;
end;
$$;

comment on function inventory.record_inflow(
    bigint, bigint, inventory.positive_whole_quantity, inventory.description, text
) is
'Take in units of a product from a supplier (API 5): an arrival that opens a cost layer at the product''s cost price.

Queues the event inflow.created in the same transaction. Locks the product''s stock row. Errors: INVENTORY_NOT_ACTIVE,
INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.record_inflow(
    bigint, bigint, inventory.positive_whole_quantity, inventory.description, text
) to inventory_admin;
