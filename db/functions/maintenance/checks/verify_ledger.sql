create or replace function maintenance.verify_ledger(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    c_now constant bigint := 9223372036854775807; -- stands for the movement after the last one
begin
    return query
    -- The states of each product in order: what was brought forward, the state after each movement, and the current state. A
    -- deleted product has no stock now.
    with state as (
        select
            o.product_id, o.movement_id as id, o.number, o.on_hand as on_hand_before, o.on_hand as on_hand_after,
            o.reserved as reserved_before, o.reserved as reserved_after, o.blocked as blocked_before,
            o.blocked as blocked_after, o.average_quantity, o.average_value, null::numeric as cost,
            null::timestamptz as created_at, null::text as repaired
        from store.opening_balance as o
        where o.product_id between p_from and p_to
        union all
        select
            m.product_id, m.id, m.number, m.on_hand_before, m.on_hand_after, m.reserved_before, m.reserved_after,
            m.blocked_before, m.blocked_after, m.average_quantity, m.average_value, m.cost, m.created_at,
            case when m.kind = 'repair' then coalesce(substring(m.reference from '^[0-9]{1,18}$'), '0') end
        from store.movement as m
        where m.product_id between p_from and p_to
        union all
        select
            s.product_id, c_now, s.last_number + 1, s.on_hand, s.on_hand, s.reserved, s.reserved, s.blocked, s.blocked,
            s.average_quantity, s.average_value, null, null, null
        from store.stock as s
        where s.product_id between p_from and p_to
        union all
        select d.id, c_now, null, 0, 0, 0, 0, 0, 0, 0, 0, null, null, null
        from store.deleted_product as d
        where d.id between p_from and p_to
    ),

    chain as (
        select
            t.*,
            t.on_hand_after - t.on_hand_before as change,
            lag(t.on_hand_after) over w as last_on_hand,
            lag(t.reserved_after) over w as last_reserved,
            lag(t.blocked_after) over w as last_blocked,
            coalesce(lag(t.average_quantity) over w, 0) as last_quantity,
            coalesce(lag(t.average_value) over w, 0) as last_value,
            lag(t.created_at) over w as last_at,
            coalesce(lag(t.number) over w, 0) as last_number
        from state as t
        window w as (partition by t.product_id order by t.number, t.id)
    ),

    -- The pool of the moving average: an arrival adds units of known cost and their value; a departure takes its share of both.
    pool as (
        select
            c.*,
            case
                when c.change > 0 and c.cost is not null then c.last_quantity + c.change
                when c.change > 0 then
                    c.last_quantity + coalesce(
                        (
                            select -sum(u.quantity)
                            from store.cost_layer_use as u
                            where u.product_id = c.product_id and u.movement_id = c.id and u.cost is not null
                        ),
                        0
                    )
                when c.change < 0 and c.last_quantity = c.on_hand_before then c.last_quantity + c.change
                when c.change < 0 then c.last_quantity - inventory.share(c.last_quantity, -c.change, c.on_hand_before)
                else c.last_quantity
            end as quantity
        from chain as c
        offset 0
    ),

    valued as (
        select
            p.*,
            case
                when p.change > 0 and p.cost is not null then p.last_value + p.cost
                when p.change > 0 then
                    p.last_value + coalesce(
                        (
                            select -sum(u.cost)
                            from store.cost_layer_use as u
                            where u.product_id = p.product_id and u.movement_id = p.id
                        ),
                        0
                    )
                when p.change < 0 then
                    p.last_value - inventory.share(p.last_value, p.last_quantity - p.quantity, p.last_quantity)
                else p.last_value
            end as value
        from pool as p
        offset 0
    )

    select
        k.check_name, v.product_id, k.subject || case when v.id < c_now then ' movement ' || v.id else ' now' end, k.expected,
        k.found
    from valued as v
    cross join lateral (
        select case when v.id < c_now then 'movement begins where the last ended' else 'stock equals its last movement' end
    ) as c (check_name)
    -- The break that a repair names: by how much a movement begins elsewhere than the last one ended.
    left join lateral maintenance.break_before(v.product_id, v.repaired::bigint) as b on true
    cross join lateral (
        values
            (c.check_name, 'on_hand before', coalesce(v.last_on_hand, 0), v.on_hand_before),
            (c.check_name, 'reserved before', coalesce(v.last_reserved, 0), v.reserved_before),
            (c.check_name, 'blocked before', coalesce(v.last_blocked, 0), v.blocked_before),
            ('repair undoes the break that it names', 'on_hand of', -b.on_hand, v.on_hand_after - v.on_hand_before),
            ('repair undoes the break that it names', 'reserved of', -b.reserved, v.reserved_after - v.reserved_before),
            ('repair undoes the break that it names', 'blocked of', -b.blocked, v.blocked_after - v.blocked_before),
            ('numbers have no gap', 'number of', v.last_number + 1, v.number),
            ('moving average follows from the movements', 'quantity after', v.quantity, v.average_quantity),
            ('moving average follows from the movements', 'value after', v.value, v.average_value),
            (
                'movement is no earlier than the last', 'time of',
                extract(epoch from greatest(v.created_at, v.last_at)), extract(epoch from v.created_at)
            ),
            (
                'ledger has a stock row', 'first', 1,
                case
                    when v.last_at is not null then 1
                    when exists (select from store.stock as s where s.product_id = v.product_id) then 1
                    when exists (select from store.deleted_product as d where d.id = v.product_id) then 1
                    else 0
                end
            )
    ) as k (check_name, subject, expected, found)
    where
        (v.created_at is not null or v.id = c_now)
        and (
            (v.on_hand_before, v.reserved_before, v.blocked_before, v.average_quantity, v.average_value)
            <> (v.last_on_hand, v.last_reserved, v.last_blocked, v.quantity, v.value)
            or v.created_at < v.last_at
            or v.number <> v.last_number + 1
            or v.last_at is null
            or v.repaired is not null
        )
        and k.expected <> k.found
        -- A later repair took the change back.
        and not (
            k.check_name = 'movement begins where the last ended'
            and exists (
                select from store.movement as r
                where r.product_id = v.product_id and r.kind = 'repair' and r.reference = v.number::text
            )
        );

    return query
    select 'deleted product has nothing left', d.id, k.subject, 0::numeric, k.found
    from store.deleted_product as d
    cross join lateral (
        values
            (
                'units in layers',
                (select coalesce(sum(l.remaining), 0) from store.cost_layer as l where l.product_id = d.id and l.is_open)
            ),
            ('product rows', (select count(*) from store.product as p where p.id = d.id))
    ) as k (subject, found)
    where d.id between p_from and p_to and k.found <> 0;
end;
$$;

comment on function maintenance.verify_ledger(bigint, bigint) is
'The part of maintenance.verify() for movements: the balances, the moving average and the time of each movement continue those of
the previous one, unless a repair took the difference back; the stock row agrees with the last one.';
