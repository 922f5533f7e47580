create or replace function inventory.hold(
    p_product_id bigint,
    p_quantity inventory.positive_quantity,
    p_reason inventory.reason,
    p_expires_at timestamptz,
    p_actor text
)
returns store.block
language plpgsql
volatile
as $$
declare
    v_stock constant store.stock := inventory.update_balances(p_product_id, 0, 0, p_quantity, true);
    -- The id is of the instant under the lock, so that blocks in order of id are in order of creation.
    v_id constant uuid := inventory.uuid_v7(v_stock.updated_at);
    v_movement store.movement;
    v_block store.block;
begin
    v_movement := inventory.write_movement(
        v_stock, 'block', 0, 0, p_quantity, v_id::text, p_reason, p_actor
    );
    insert into store.block (id, product_id, quantity, reason, expires_at, created_at, created_by)
    values (
        v_id,
        p_product_id,
        p_quantity,
        p_reason,
        inventory.block_expiry(p_expires_at, v_movement.created_at, v_movement.created_at),
        v_movement.created_at,
        v_movement.actor
    )
    returning * into v_block;
    return v_block;
end;
$$;

comment on function inventory.hold(bigint, inventory.positive_quantity, inventory.reason, timestamptz, text) is
'Hold units of a product: the stock, the movement and the block of one line. Errors: see inventory.create_block.';
