-- The check constraint of store.stock calls this function. PostgreSQL parses the expression of a check again in each statement
-- that writes to the table, but a function only once in a session. The migration that introduced the check also contains the
-- function, because the tables are created before the functions.
create or replace function inventory.stock_is_sound(
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_located numeric,
    p_average_quantity numeric,
    p_average_value numeric,
    p_reorder_point numeric,
    p_status text,
    p_is_kit boolean,
    p_kit_reserved numeric
)
returns boolean
language plpgsql
immutable
parallel safe
as $$
declare
    v_broken constant text := case
        when p_on_hand < 0 then 'stock_on_hand_not_negative'
        when p_reserved < 0 then 'stock_reserved_not_negative'
        when p_blocked < 0 then 'stock_blocked_not_negative'
        when p_is_kit and p_on_hand > 0 then 'stock_kit_holds_nothing'
        when not p_is_kit and p_on_hand - p_reserved - p_blocked < 0 then 'stock_available_not_negative'
        when p_kit_reserved < 0 or p_kit_reserved > p_reserved then 'stock_kit_reserved_within'
        when p_located < 0 or p_located > p_on_hand then 'stock_located_within'
        when
            p_average_quantity < 0
            or p_average_quantity > p_on_hand
            or p_average_value < 0
            or (p_average_quantity = 0 and p_average_value <> 0)
            then 'stock_average_within'
        when p_reorder_point < 0 then 'stock_reorder_point_not_negative'
        when p_status not in ('active', 'inactive', 'archived') then 'stock_status_known'
    end;
begin
    if v_broken is not null then
        raise exception using
            errcode = 'check_violation',
            message = format('new row for relation "stock" violates check constraint "%s"', v_broken),
            schema = 'store',
            table = 'stock',
            constraint = v_broken;
    end if;
    return true;
end;
$$;

comment on function inventory.stock_is_sound(
    numeric, numeric, numeric, numeric, numeric, numeric, numeric, text, boolean, numeric
) is
'Whether a row of store.stock keeps the invariants. Returns true, or raises check_violation with the name of the broken one.

On hand, reserved, blocked, available and the reorder point are not negative. Neither the units at locations nor those in the
moving average are more than the units on hand. The value of no units is 0. The status is known. A kit has nothing on hand, so
that what is promised of it may be more. Not more is reserved for kits than is reserved.';
