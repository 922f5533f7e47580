create or replace function inventory.balances_in_event(p_on_hand numeric, p_reserved numeric, p_blocked numeric)
returns json
language plpgsql
immutable
as $$
begin
    return json_build_object(
        'on_hand', trim_scale(p_on_hand),
        'reserved', trim_scale(p_reserved),
        'blocked', trim_scale(p_blocked),
        'available', trim_scale(greatest(p_on_hand - p_reserved - p_blocked, 0))
    );
end;
$$;

comment on function inventory.balances_in_event(numeric, numeric, numeric) is
'Balances as webhook events show them: {"on_hand", "reserved", "blocked", "available"}. None of a kit are available:
that follows from its parts.';
