-- The one place where a balance changes: one conditional UPDATE, one row of the ledger, and the cost layers of what came
-- or left. Every rule of every API that moves stock ends here (blocks that run out: inventory.end_lapsed_blocks).
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
    p_requires_active boolean default true
)
returns store.movement
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stock store.stock;
    v_now timestamptz;
    v_movement store.movement;
begin
    update store.stock as s
    set
        on_hand = s.on_hand + p_on_hand,
        reserved = s.reserved + p_reserved,
        blocked = s.blocked + p_blocked,
        updated_at = inventory.clock()
    where
        s.product_id = p_product_id
        and (s.status = 'active' or not p_requires_active)
        and s.on_hand + p_on_hand < 1000000000
        and s.reserved + p_reserved >= 0
        and s.on_hand + p_on_hand - s.reserved - p_reserved - s.blocked - p_blocked >= 0
    returning * into v_stock;

    if not found then
        perform inventory.make_room(p_product_id, p_on_hand, p_reserved, p_blocked, p_requires_active);
        return inventory.change_stock(
            p_product_id, p_kind, p_on_hand, p_reserved, p_blocked, p_reference, p_reason, p_actor, p_unit_cost,
            p_requires_active
        );
    end if;

    -- The lock is got. What the update has put in updated_at may be as old as its wait for the row.
    v_now := inventory.clock();

    v_movement.product_id := p_product_id;
    v_movement.id := nextval('store.movement_id_seq');
    v_movement.kind := p_kind;
    v_movement.on_hand_before := v_stock.on_hand - p_on_hand;
    v_movement.on_hand_after := v_stock.on_hand;
    v_movement.reserved_before := v_stock.reserved - p_reserved;
    v_movement.reserved_after := v_stock.reserved;
    v_movement.blocked_before := v_stock.blocked - p_blocked;
    v_movement.blocked_after := v_stock.blocked;
    v_movement.reference := p_reference;
    v_movement.reason := p_reason;
    v_movement.actor := coalesce(p_actor, session_user);
    v_movement.occurred_at := v_now;
    v_movement.created_at := v_now;

    if p_on_hand > 0 then
        v_movement.cost := inventory.open_cost_layer(p_product_id, v_movement.id, p_on_hand, p_unit_cost, v_now);
    elsif p_on_hand < 0 then
        v_movement.cost := inventory.use_cost_layers(p_product_id, v_movement.id, -p_on_hand);
    end if;

    insert into store.movement values (v_movement.*);
    return v_movement;
end;
$$;

comment on function inventory.change_stock(bigint, text, numeric, numeric, numeric, text, text, text, numeric, boolean) is
'Change a product''s balances by the signed amounts given, and write the movement.

Locks the product''s stock row until the end of the transaction. Holds, in one statement: available never below 0,
reserved never below 0, on hand never past its limit, the inventory active (where p_requires_active). Only when that
statement finds too little does it look for blocks whose time is over, and tries again.

p_unit_cost: what a unit of an arrival cost; null: not known. p_actor null: the database role.
Errors: INSUFFICIENT_STOCK, INSUFFICIENT_RESERVED, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND,
QUANTITY_OUT_OF_RANGE.';
