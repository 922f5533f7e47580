create or replace function maintenance.verify_blocks(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    return query
    select
        'blocked equals the active blocks', s.product_id, 'blocked'::text, coalesce(sum(b.quantity), 0), s.blocked
    from store.stock as s
    left join store.block as b on s.product_id = b.product_id and b.status = 'active'
    where s.product_id between p_from and p_to
    group by s.product_id
    having s.blocked <> coalesce(sum(b.quantity), 0);

    return query
    -- The ledger has one movement for the beginning of a block and one for its end, both for all units that it held. Ended blocks
    -- are found by their movements, because they have no index by product.
    with told as (
        select
            case when v.reference ~ '^[0-9a-f-]{36}$' then v.reference::uuid end as id,
            v.product_id,
            v.reference,
            max(v.blocked_after - v.blocked_before) filter (where v.kind = 'block') as taken,
            max(v.blocked_before - v.blocked_after) filter (where v.kind <> 'block') as given_back,
            max(v.on_hand_before - v.on_hand_after) filter (where v.kind = 'convert') as converted,
            bool_or(v.kind = 'kit_convert') as is_of_kit,
            count(*) filter (where v.kind = 'block') as beginnings,
            count(*) filter (where v.kind <> 'block') as ends
        from store.movement as v
        where v.product_id between p_from and p_to and v.kind in ('block', 'convert', 'kit_convert', 'cancel', 'expire')
        group by v.product_id, v.reference
    )

    select
        'block begins and ends once in the ledger', t.product_id, format('%s of block %s', k.subject, t.reference), k.expected,
        k.found
    from told as t
    left join store.block as b on t.id = b.id and t.product_id = b.product_id
    cross join lateral (
        values
            ('beginnings', case when b.id is null then 0 else 1 end, t.beginnings),
            ('taken', coalesce(b.quantity, 0), coalesce(t.taken, 0)),
            ('ends', case when b.status = 'active' or b.id is null then 0 else 1 end, t.ends),
            (
                'given back',
                case when b.status = 'active' or b.id is null then 0 else b.quantity end,
                coalesce(t.given_back, 0)
            ),
            -- How many kits left is in the movements of their parts: see maintenance.verify_kits().
            (
                'converted', coalesce(b.converted_quantity, 0),
                coalesce(case when t.is_of_kit then b.converted_quantity else t.converted end, 0)
            )
    ) as k (subject, expected, found)
    where
        (
            t.beginnings, t.taken, t.ends, coalesce(t.given_back, 0),
            case when t.is_of_kit then b.converted_quantity else t.converted end
        ) is distinct from (
            1, b.quantity, (b.status <> 'active')::integer, case when b.status = 'active' then 0 else b.quantity end,
            b.converted_quantity
        )
        and k.expected <> k.found
        and coalesce(b.created_at >= v_start, true)
    union all
    select 'block begins and ends once in the ledger', b.product_id, format('beginnings of block %s', b.id), 1, 0
    from store.block as b
    where
        b.product_id between p_from and p_to
        and b.status = 'active'
        and b.created_at >= v_start
        and not exists (select from told as t where t.id = b.id and t.product_id = b.product_id);
end;
$$;

comment on function maintenance.verify_blocks(bigint, bigint) is
'The part of maintenance.verify() for blocks: the active blocks hold all blocked units, and each block begins and ends once in the
ledger.';
