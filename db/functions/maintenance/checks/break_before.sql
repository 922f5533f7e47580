create or replace function maintenance.break_before(
    p_product_id bigint,
    p_number bigint,
    out on_hand numeric,
    out reserved numeric,
    out blocked numeric
)
returns record
language plpgsql
stable
strict
as $$
begin
    if p_number = 0 then
        on_hand := 0;
        reserved := 0;
        blocked := 0;
        return;
    end if;
    select m.on_hand_before - l.on_hand, m.reserved_before - l.reserved, m.blocked_before - l.blocked
    into on_hand, reserved, blocked
    from store.movement as m
    inner join (
        select b.number, b.on_hand_after, b.reserved_after, b.blocked_after
        from store.movement as b
        where b.product_id = p_product_id and b.number = p_number - 1
        union all
        select o.number, o.on_hand, o.reserved, o.blocked
        from store.opening_balance as o
        where o.product_id = p_product_id
        union all
        values (0, 0, 0, 0)
    ) as l (number, on_hand, reserved, blocked) on l.number = p_number - 1
    where m.product_id = p_product_id and m.number = p_number;
end;
$$;

comment on function maintenance.break_before(bigint, bigint) is
'By how much the balances changed before a movement without a movement that says so; 0, 0, 0 if it begins where the last ended.

p_number: the number of the movement; 0 stands for no movement, and no change. Null if the movement, or the one before it, is not
in the ledger.';
