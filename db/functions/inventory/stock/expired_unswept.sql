create or replace function inventory.expired_unswept(p_product_id bigint, p_number bigint, p_at timestamptz)
returns numeric
language plpgsql
stable
as $$
declare
    v_last bigint;
begin
    -- Expired blocks end in the order of their times. Past the first one that had not expired at p_at, or once nothing was blocked,
    -- there is none.
    select m.number into v_last
    from store.movement as m
    where
        m.product_id = p_product_id
        and m.number > p_number
        and m.created_at > p_at
        and (m.blocked_after = 0 or (m.kind = 'expire' and m.occurred_at > p_at))
    order by m.number
    limit 1;
    return coalesce(
        (
            select sum(m.blocked_before - m.blocked_after)
            from store.movement as m
            where
                m.product_id = p_product_id
                and m.number > p_number
                and m.number <= coalesce(v_last, 9223372036854775807)
                and m.created_at > p_at
                and m.kind = 'expire'
                and m.occurred_at <= p_at
        ),
        0
    ) + inventory.expired_quantity(p_product_id, p_at);
end;
$$;

comment on function inventory.expired_unswept(bigint, bigint, timestamptz) is
'Units that were blocked at p_at, after the product''s movement of this number, by blocks that had expired: their end was
written later, or is still to be written.';
