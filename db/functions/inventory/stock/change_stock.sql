-- Every rule of every API that moves stock ends here: the balances, the ledger, and the cost layers of what came or left.
-- Blocks that run out and units that come back are the exceptions: inventory.end_lapsed_blocks, inventory.return_units.
create or replace function inventory.change_stock(
    p_product_id bigint,
    p_kind text,
    p_on_hand numeric default 0,
    p_reserved numeric default 0,
    p_blocked numeric default 0,
    p_reference text default null,
    p_reason text default null,
    p_actor text default null,
    p_unit_cost numeric default null,
    p_requires_active boolean default true,
    p_layer_id bigint default null
)
returns store.movement
language plpgsql
volatile
as $$
declare
    v_value numeric;
    v_stock store.stock;
    v_movement store.movement;
begin
    if p_on_hand = 0 and p_reserved = 0 and p_blocked = 0 then
        perform inventory.require_product(p_product_id);
        return null;
    end if;
    if p_on_hand > 0 then
        v_value := round(p_on_hand * p_unit_cost, 3);
    end if;
    v_stock := inventory.update_balances(
        p_product_id, p_on_hand, p_reserved, p_blocked, p_requires_active,
        p_cost_quantity => case when v_value is null then 0 else p_on_hand end,
        p_cost_value => coalesce(v_value, 0)
    );
    v_movement := inventory.write_movement(
        v_stock, p_kind, p_on_hand, p_reserved, p_blocked, p_reference, p_reason, p_actor, p_unit_cost, v_value,
        p_layer_id => p_layer_id
    );
    if p_on_hand < 0 and v_stock.located = v_stock.on_hand then
        -- No unlocated unit is left: places may hold more than there is.
        perform inventory.pick_from_places(p_product_id, v_movement.id, v_stock.located);
    end if;
    return v_movement;
end;
$$;

comment on function inventory.change_stock(
    bigint, text, numeric, numeric, numeric, text, text, text, numeric, boolean, bigint
) is
'Change a product''s balances by the signed amounts given, and return the movement that it writes; no change is null and
writes nothing.

Locks the product''s stock row until the end of the transaction. p_unit_cost: what a unit of an arrival cost; null: not
known. What arrives is worth p_on_hand * p_unit_cost, rounded half up to 3 decimals once; it lies at no place. What leaves is
taken from no place first, then from places in the order in which stock arrived there; out of the open cost layers first in
first out, or of p_layer_id alone, which must hold it. p_actor null: the database role.
Errors: INSUFFICIENT_STOCK, INSUFFICIENT_RESERVED, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND,
QUANTITY_OUT_OF_RANGE.';
