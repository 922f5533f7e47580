create or replace function maintenance.verify_flows(p_from bigint, p_to bigint)
returns table (check_name text, product_id bigint, subject text, expected numeric, found numeric)
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    return query
    with told as materialized (
        select v.product_id, v.id, v.kind, v.reference, v.on_hand_after - v.on_hand_before as quantity, v.cost
        from store.movement as v
        where v.product_id between p_from and p_to and v.kind in ('inflow', 'outflow', 'delete_inflow', 'delete_outflow')
    )

    -- Each flow agrees with its movement, and each deletion agrees with its own. A deleted flow is no longer in its list.
    select
        'flow equals its movement', coalesce(f.product_id, m.product_id),
        format('%s of %s %s', k.subject, coalesce(f.kind, m.kind), coalesce(f.id::text, m.reference)), k.expected, k.found
    from (
        select 'inflow' as kind, i.id, i.product_id, i.movement_id, i.quantity, i.created_at as at
        from store.inflow as i
        where i.product_id between p_from and p_to
        union all
        select 'outflow', o.id, o.product_id, o.movement_id, -o.quantity, o.created_at
        from store.outflow as o
        where o.product_id between p_from and p_to
        union all
        select t.kind, d.id, d.product_id, t.movement_id, t.sign * d.quantity, t.at
        from store.deleted_flow as d
        cross join lateral (
            values
                (d.kind, d.movement_id, case d.kind when 'inflow' then 1 else -1 end, d.created_at),
                ('delete_' || d.kind, d.deletion_movement_id, case d.kind when 'inflow' then -1 else 1 end, d.deleted_at)
        ) as t (kind, movement_id, sign, at)
        where d.product_id between p_from and p_to
    ) as f
    full join told as m on f.product_id = m.product_id and f.movement_id = m.id
    cross join lateral (
        values
            ('kind and id', 1, case when (f.kind, f.id::text) = (m.kind, m.reference) then 1 else 0 end),
            ('quantity', coalesce(m.quantity, 0), coalesce(f.quantity, 0))
    ) as k (subject, expected, found)
    where
        (f.kind, f.id::text, f.quantity) is distinct from (m.kind, m.reference, m.quantity)
        and k.expected <> k.found
        and coalesce(f.at >= v_start, true)
    union all
    -- Deleting an inflow took away what it had brought; deleting an outflow returned what it had taken.
    select
        'deleted flow has left nothing behind', d.product_id, format('%s of %s %s', k.subject, d.kind, d.id), k.expected, k.found
    from store.deleted_flow as d
    left join told as a on d.product_id = a.product_id and d.movement_id = a.id
    left join told as b on d.product_id = b.product_id and d.deletion_movement_id = b.id
    left join store.cost_layer as l
        on
            d.kind = 'inflow'
            and d.product_id = l.product_id
            and d.movement_id = l.movement_id
            and l.product_id between p_from and p_to
    cross join lateral (
        values
            -- The cost of a detached movement is not known.
            (
                'cost', case when b.id is not null then coalesce(a.cost, -1) end,
                case when a.id is not null then coalesce(b.cost, -1) end
            ),
            ('units left', 0, l.remaining)
    ) as k (subject, expected, found)
    where d.product_id between p_from and p_to and k.expected <> k.found;
end;
$$;

comment on function maintenance.verify_flows(bigint, bigint) is
'The part of maintenance.verify() for inflows and outflows: each flow and each deletion of a flow agrees with its movement.';
