create or replace function maintenance.verify_kits(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
begin
    return query
    select k.check_name, s.product_id, k.subject, k.expected, k.found
    from store.stock as s
    cross join lateral (
        values
            (
                'product with parts is a kit', 'is_kit',
                (exists (select from store.kit_part as p where p.kit_id = s.product_id))::integer::numeric,
                s.is_kit::integer::numeric
            ),
            (
                'reserved for kits equals the kits', 'kit_reserved',
                (
                    select coalesce(sum(t.reserved * p.quantity), 0)
                    from store.kit_part as p
                    inner join store.stock as t on p.kit_id = t.product_id
                    where p.part_id = s.product_id
                ),
                s.kit_reserved
            )
    ) as k (check_name, subject, expected, found)
    where s.product_id between p_from and p_to and k.expected <> k.found;

    return query
    select
        'block of a kit holds its parts', b.product_id, format('product %s of block %s', p.part_id, b.id),
        b.quantity * p.quantity, coalesce(c.quantity, 0)
    from store.block as b
    inner join store.kit_part as p on b.product_id = p.kit_id
    left join store.block as c
        on b.id = c.kit_block_id and p.part_id = c.product_id and c.status in ('active', 'expired')
    where b.product_id between p_from and p_to and b.status = 'active' and b.quantity * p.quantity <> coalesce(c.quantity, 0);

    return query
    -- Each block of a part has the end of the kit's block, and as much of both was converted. One of the two may have been ended
    -- as expired before the other.
    select
        'block of a part ends with that of the kit', c.product_id, format('%s of block %s', k.subject, c.id), k.expected, k.found
    from store.block as c
    left join store.block as b on c.kit_block_id = b.id
    cross join lateral (
        values
            ('kit block', 1::numeric, case when b.id is null then 0 else 1 end),
            ('end', extract(epoch from b.expires_at), extract(epoch from c.expires_at)),
            (
                'status', 1,
                case
                    when c.status = b.status or (c.status in ('active', 'expired') and b.status in ('active', 'expired')) then 1
                    else 0
                end
            ),
            (
                'converted', coalesce(round(b.converted_quantity * c.quantity / b.quantity, 3), 0),
                coalesce(c.converted_quantity, 0)
            )
    ) as k (subject, expected, found)
    where c.product_id between p_from and p_to and c.kit_block_id is not null and k.expected <> k.found;

    return query
    select
        'part of a sale equals its movement', coalesce(t.part_id, v.product_id),
        format('quantity of sale %s', coalesce(t.sale_id::text, v.reference)), coalesce(v.on_hand_before - v.on_hand_after, 0),
        coalesce(t.quantity, 0)
    from (select p.* from store.sale_part as p where p.part_id between p_from and p_to) as t
    full join (
        select m.product_id, m.id, m.reference, m.on_hand_before, m.on_hand_after
        from store.movement as m
        where m.product_id between p_from and p_to and m.kind in ('part_sale', 'part_return')
    ) as v on t.part_id = v.product_id and t.movement_id = v.id and t.sale_id::text = v.reference
    left join store.sale as s on t.kit_id = s.product_id and t.sale_id = s.id
    where
        coalesce(v.on_hand_before - v.on_hand_after, 0) <> coalesce(t.quantity, 0)
        and coalesce(s.created_at >= inventory.ledger_start(), true);
end;
$$;

comment on function maintenance.verify_kits(bigint, bigint) is
'The part of maintenance.verify() for kits: the parts hold what is reserved and blocked of their kits, and what left with their
sales. That a kit has nothing on hand is one of the rules of store.stock (maintenance.verify_rules).';
