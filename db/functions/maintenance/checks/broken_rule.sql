create or replace function maintenance.broken_rule(p_stock store.stock, p_movement store.movement)
returns text
language plpgsql
stable
as $$
declare
    v_rule text;
begin
    if p_stock.product_id is not null then
        perform inventory.stock_is_sound(
            p_stock.on_hand, p_stock.reserved, p_stock.blocked, p_stock.located, p_stock.average_quantity,
            p_stock.average_value, p_stock.reorder_point, p_stock.status, p_stock.is_kit, p_stock.kit_reserved
        );
    end if;
    if p_movement.product_id is not null then
        perform inventory.movement_is_sound(
            p_movement.kind, p_movement.on_hand_before, p_movement.on_hand_after, p_movement.reserved_before,
            p_movement.reserved_after, p_movement.blocked_before, p_movement.blocked_after
        );
    end if;
    return null;
exception
    when check_violation then
        get stacked diagnostics v_rule = constraint_name;
        return v_rule;
end;
$$;

comment on function maintenance.broken_rule(store.stock, store.movement) is
'The name of the first invariant that a row violates (inventory.stock_is_sound, inventory.movement_is_sound); null if there is
none.';
