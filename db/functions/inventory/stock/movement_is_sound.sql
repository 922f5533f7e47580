-- The check constraint of store.movement calls this function: see inventory.stock_is_sound.
create or replace function inventory.movement_is_sound(
    p_kind text,
    p_on_hand_before numeric,
    p_on_hand_after numeric,
    p_reserved_before numeric,
    p_reserved_after numeric,
    p_blocked_before numeric,
    p_blocked_after numeric
)
returns boolean
language plpgsql
immutable
parallel safe
as $$
declare
    v_broken constant text := case
        when
            p_reserved_before < 0
            or p_blocked_before < 0
            or (p_on_hand_before - p_reserved_before - p_blocked_before < 0 and (p_on_hand_before <> 0 or p_on_hand_after <> 0))
            then 'movement_available_before_not_negative'
        when
            p_reserved_after < 0
            or p_blocked_after < 0
            or (p_on_hand_after - p_reserved_after - p_blocked_after < 0 and (p_on_hand_before <> 0 or p_on_hand_after <> 0))
            then 'movement_available_after_not_negative'
        when inventory.movement_kind(p_kind) is null
            then 'movement_kind_known'
    end;
begin
    if v_broken is not null then
        raise exception using
            errcode = 'check_violation',
            message = format('new row for relation "movement" violates check constraint "%s"', v_broken),
            schema = 'store',
            table = 'movement',
            constraint = v_broken;
    end if;
    return true;
end;
$$;

comment on function inventory.movement_is_sound(text, numeric, numeric, numeric, numeric, numeric, numeric) is
'Whether a row of store.movement keeps the invariants. Returns true, or raises check_violation with the name of the broken one.

Before and after the movement, reserved, blocked and available are not negative; the kind is known. Available may be negative
where nothing is on hand before and after: a kit. The check of store.stock allows that to kits alone.';
