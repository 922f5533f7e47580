create or replace function inventory.record_outflow(
    p_product_id bigint,
    p_quantity inventory.positive_whole_quantity,
    p_description inventory.description default null,
    p_actor text default null
)
returns store.outflow
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_outflow store.outflow;
    v_movement store.movement;
begin
    perform inventory.require_argument('quantity', p_quantity is null);

    v_outflow.product_id := p_product_id;
    v_outflow.id := nextval('store.outflow_id_seq');
    v_movement := inventory.change_stock(
        p_product_id, 'outflow', p_on_hand => -p_quantity, p_reference => v_outflow.id::text, p_reason => p_description,
        p_actor => p_actor
    );
    v_outflow.movement_id := v_movement.id;
    v_outflow.quantity := p_quantity;
    v_outflow.description := p_description;
    v_outflow.actor := v_movement.actor;
    v_outflow.created_at := v_movement.created_at;
    insert into store.outflow values (v_outflow.*);
    perform inventory.count_rows('outflow', 1);

    if inventory.has_subscriber('outflow.created') then
        perform inventory.queue_events(
            'outflow.created',
            array[
                json_build_object(
                    'id', v_outflow.id,
                    'product', inventory.product_in_event(p_product_id),
                    'quantity', p_quantity,
                    'on_hand', trim_scale(v_movement.on_hand_after),
                    'description', p_description
                )
            ],
            array[v_outflow.created_at]
        );
    end if;
    return v_outflow;
end;
$$;

comment on function inventory.record_outflow(
    bigint, inventory.positive_whole_quantity, inventory.description, text
) is
'Give out units of a product that are available (API 5): a departure at its cost, first in first out.

Queues the event outflow.created in the same transaction. Locks the product''s stock row. Errors: INSUFFICIENT_STOCK,
INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND.';

grant execute on function inventory.record_outflow(
    bigint, inventory.positive_whole_quantity, inventory.description, text
) to inventory_admin;
