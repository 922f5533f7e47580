create or replace function inventory.return_units(
    p_product_id bigint,
    p_movement_id bigint,
    p_quantity numeric,
    p_kind text,
    p_reference text default null,
    p_reason text default null,
    p_actor text default null
)
returns store.movement
language plpgsql
volatile
as $$
declare
    v_cost_quantity numeric;
    v_cost_value numeric;
begin
    perform inventory.require_argument('movement_id', p_movement_id is null);
    -- What comes back, and at what cost, is decided under the lock; the moving average wants to know it before.
    perform from store.stock as s where s.product_id = p_product_id for no key update;

    select coalesce(sum(r.quantity), 0), coalesce(sum(r.cost), 0) into v_cost_quantity, v_cost_value
    from inventory.returnable_units(p_product_id, p_movement_id, p_quantity) as r
    where r.cost is not null;

    return inventory.write_movement(
        inventory.update_balances(
            p_product_id, p_quantity, 0, 0, p_requires_active => false,
            p_cost_quantity => v_cost_quantity, p_cost_value => v_cost_value
        ),
        p_kind, p_quantity, 0, 0, p_reference, p_reason, p_actor,
        p_returns_movement_id => p_movement_id
    );
end;
$$;

comment on function inventory.return_units(bigint, bigint, numeric, text, text, text, text) is
'Bring units of an earlier departure (its movement) back on hand, into the cost layers that they left.

Locks the product''s stock row. An inventory that is not active takes them too. Returns the movement, whose cost is what they
had cost. Errors: PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE, RETURN_EXCEEDS_DEPARTURE.';
