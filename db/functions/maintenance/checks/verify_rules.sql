create or replace function maintenance.verify_rules(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
begin
    -- The functions raise an error at the first violation. Only then is each row checked separately, which takes five times as
    -- long.
    -- They are called inside count(), because in WHERE the planner could infer from the constraints that no row matches.
    perform
        count(
            inventory.stock_is_sound(
                s.on_hand, s.reserved, s.blocked, s.located, s.average_quantity, s.average_value, s.reorder_point, s.status,
                s.is_kit, s.kit_reserved
            )
        )
    from store.stock as s
    where s.product_id between p_from and p_to;
    perform
        count(
            inventory.movement_is_sound(
                m.kind, m.on_hand_before, m.on_hand_after, m.reserved_before, m.reserved_after, m.blocked_before,
                m.blocked_after
            )
        )
    from store.movement as m
    where m.product_id between p_from and p_to;
exception
    when check_violation then
        return query
        select 'stock keeps its rules', s.product_id, b.rule, 1::numeric, 0::numeric
        from store.stock as s
        cross join lateral maintenance.broken_rule(s, null) as b (rule)
        where s.product_id between p_from and p_to and b.rule is not null
        union all
        select 'movement keeps its rules', m.product_id, format('%s of movement %s', b.rule, m.id), 1, 0
        from store.movement as m
        cross join lateral maintenance.broken_rule(null, m) as b (rule)
        where m.product_id between p_from and p_to and b.rule is not null;
end;
$$;

comment on function maintenance.verify_rules(bigint, bigint) is
'The part of maintenance.verify() for the invariants of single rows in store.stock and store.movement.';
