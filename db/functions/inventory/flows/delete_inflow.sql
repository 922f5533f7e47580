create or replace function inventory.delete_inflow(
    p_inflow_id bigint,
    p_actor text default null,
    p_expected text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_inflow store.inflow;
    v_layer store.cost_layer;
    v_movement store.movement;
begin
    v_inflow := inventory.require_inflow(p_inflow_id);
    if p_expected is not null then
        perform inventory.require_expected(v_inflow.product_id, p_expected);
    end if;
    perform from store.stock as s where s.product_id = v_inflow.product_id for no key update;
    -- Read it again under the lock: another caller may have deleted it in the meantime.
    v_inflow := inventory.require_inflow(p_inflow_id);

    select * into v_layer
    from store.cost_layer as l
    where l.product_id = v_inflow.product_id and l.is_open and l.movement_id = v_inflow.movement_id;
    if v_layer.remaining is distinct from v_inflow.quantity then
        raise exception using
            errcode = 'IV042', -- INFLOW_USED
            message = format(
                'Inflow %s cannot be deleted: %s of its %s units have left.',
                v_inflow.id, trim_scale(v_inflow.quantity - coalesce(v_layer.remaining, 0)), trim_scale(v_inflow.quantity)
            ),
            detail = jsonb_build_object('quantity', v_inflow.quantity, 'remaining', coalesce(v_layer.remaining, 0));
    end if;

    v_movement := (inventory.post_line(
        inventory.line(
            'delete_inflow', v_inflow.product_id, v_inflow.quantity, v_inflow.id::text, p_actor => p_actor,
            p_layer_id => v_layer.id
        )
    )).movement;
    insert into store.deleted_flow (
        kind, id, product_id, supplier_id, movement_id, quantity, description, actor, created_at, deletion_movement_id,
        deleted_by, deleted_at
    )
    values (
        'inflow', v_inflow.id, v_inflow.product_id, v_inflow.supplier_id, v_inflow.movement_id, v_inflow.quantity,
        v_inflow.description, v_inflow.actor, v_inflow.created_at, v_movement.id, v_movement.actor, v_movement.created_at
    );
    delete from store.inflow as f where f.product_id = v_inflow.product_id and f.id = v_inflow.id;
    perform inventory.add_row_total('inflow', -1);
end;
$$;

comment on function inventory.delete_inflow(bigint, text, text) is
'Delete an inflow: its units leave from its own cost layer, whatever the inventory''s status is.

This is possible only while no unit has been taken from the cost layer, and while that many units are available. The ledger keeps
both movements, and store.deleted_flow keeps the inflow. Locks the product''s stock row. Errors: INFLOW_NOT_FOUND, INFLOW_USED,
INSUFFICIENT_STOCK.';

grant execute on function inventory.delete_inflow(bigint, text, text) to inventory_admin;
