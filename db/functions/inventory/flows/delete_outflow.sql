create or replace function inventory.delete_outflow(
    p_outflow_id bigint,
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
    v_outflow store.outflow;
    v_movement store.movement;
begin
    v_outflow := inventory.require_outflow(p_outflow_id);
    if p_expected is not null then
        perform inventory.require_expected(v_outflow.product_id, p_expected);
    end if;
    perform from store.stock as s where s.product_id = v_outflow.product_id for no key update;
    -- Read it again under the lock: another caller may have deleted it in the meantime.
    v_outflow := inventory.require_outflow(p_outflow_id);

    v_movement := (inventory.post_line(
        inventory.line(
            'delete_outflow', v_outflow.product_id, v_outflow.quantity, v_outflow.id::text, p_actor => p_actor,
            p_returns_movement_id => v_outflow.movement_id
        )
    )).movement;
    insert into store.deleted_flow (
        kind, id, product_id, movement_id, quantity, description, actor, created_at, deletion_movement_id, deleted_by, deleted_at
    )
    values (
        'outflow', v_outflow.id, v_outflow.product_id, v_outflow.movement_id, v_outflow.quantity, v_outflow.description,
        v_outflow.actor, v_outflow.created_at, v_movement.id, v_movement.actor, v_movement.created_at
    );
    delete from store.outflow as f where f.product_id = v_outflow.product_id and f.id = v_outflow.id;
    perform inventory.add_row_total('outflow', -1);
end;
$$;

comment on function inventory.delete_outflow(bigint, text, text) is
'Delete an outflow: its units come back into the cost layers that they left, whatever the inventory''s status is.

The ledger keeps both movements, and store.deleted_flow keeps the outflow. Locks the product''s stock row. Errors:
OUTFLOW_NOT_FOUND, QUANTITY_OUT_OF_RANGE.';

grant execute on function inventory.delete_outflow(bigint, text, text) to inventory_admin;
