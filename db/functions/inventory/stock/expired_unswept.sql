create or replace function inventory.expired_unswept(p_product_id bigint, p_movement_id bigint, p_at timestamptz)
returns numeric
language plpgsql
stable
as $$
declare
    v_last_id bigint;
begin
    -- Expired blocks end in the order of their times. Past the first one that was not over at p_at, or once nothing was blocked,
    -- there is none.
    select m.id into v_last_id
    from store.movement as m
    where
        m.product_id = p_product_id
        and m.id > p_movement_id
        and m.created_at > p_at
        and (m.blocked_after = 0 or (m.kind = 'expire' and m.occurred_at > p_at))
    order by m.id
    limit 1;
    return coalesce(
        (
            select sum(m.blocked_before - m.blocked_after)
            from store.movement as m
            where
                m.product_id = p_product_id
                and m.id > p_movement_id
                and m.id <= coalesce(v_last_id, 9223372036854775807)
                and m.created_at > p_at
                and m.kind = 'expire'
                and m.occurred_at <= p_at
        ),
        0
    ) + inventory.lapsed_quantity(p_product_id, p_at);
end;
$$;

comment on function inventory.expired_unswept(bigint, bigint, timestamptz) is
'Units that were blocked at p_at, after the product''s movement p_movement_id, by blocks whose time was over: their end was
written later, or is still to be written.';
