create or replace function inventory.expired_unswept(p_product_id bigint, p_number bigint, p_at timestamptz)
returns numeric
language plpgsql
stable
as $$
declare
    v_last bigint;
begin
    -- Expired blocks are ended in order of expiry. The search can stop at the first movement that ended a block that had not
    -- expired at p_at, or after which nothing was blocked.
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
'The units that the ledger counts as blocked at p_at although their blocks had expired: the blocks were ended later, or are not
ended yet.

p_number: the number of the product''s last movement at p_at.';
