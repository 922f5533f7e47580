create or replace function maintenance.rebuild_flows(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    return query
    with told as (
        select m.* from store.movement as m
        where m.product_id = p_product_id and m.kind in ('inflow', 'outflow', 'delete_inflow', 'delete_outflow')
    ),

    flow as (
        select 'inflow' as name, 'inflow' as kind, i.id, i.created_at as at, null::timestamptz as deleted_at, to_jsonb(i) as found
        from store.inflow as i
        where i.product_id = p_product_id
        union all
        select 'outflow', 'outflow', o.id, o.created_at, null, to_jsonb(o)
        from store.outflow as o
        where o.product_id = p_product_id
        union all
        select 'deleted_flow', d.kind, d.id, d.created_at, d.deleted_at, to_jsonb(d)
        from store.deleted_flow as d
        where d.product_id = p_product_id
    ),

    wanted as (
        select
            f.*,
            f.found
            || case
                when e.id is not null then
                    jsonb_build_object('deletion_movement_id', e.id, 'quantity', abs(e.on_hand_after - e.on_hand_before))
                else '{}'
            end
            || case
                when m.id is not null then
                    jsonb_build_object('movement_id', m.id, 'quantity', abs(m.on_hand_after - m.on_hand_before))
                else '{}'
            end as row,
            (m.id is null and f.at >= v_start) or (e.id is null and f.deleted_at >= v_start) as is_unknown
        from flow as f
        left join told as m on f.kind = m.kind and f.id::text = m.reference
        left join told as e on f.deleted_at is not null and 'delete_' || f.kind = e.kind and f.id::text = e.reference
    )

    select
        w.name, w.found, w.row,
        case when w.is_unknown then format('No movement names %s %s.', w.kind, w.id) end
    from wanted as w
    where w.found <> w.row or w.is_unknown
    union all
    -- An outflow that is lost is written anew. An inflow has a supplier, which the ledger does not know.
    select
        case when l.deletion_id is null then l.kind else 'deleted_flow' end,
        null,
        jsonb_build_object(
            'id', l.reference, 'product_id', p_product_id, 'movement_id', l.id, 'quantity', l.quantity, 'description', l.reason,
            'actor', l.actor, 'created_at', l.created_at
        ) || case
            when l.deletion_id is null then '{}'
            else
                jsonb_build_object(
                    'kind', l.kind, 'deletion_movement_id', l.deletion_id, 'deleted_by', l.deleted_by, 'deleted_at', l.deleted_at
                )
        end,
        case
            when l.reference is null then 'The movement of a flow has lost its reference.'
            when l.kind = 'inflow' or l.id is null then format('The row of %s %s is lost.', l.kind, l.reference)
        end
    from (
        select
            k.kind,
            m.reference,
            max(m.id) filter (where m.kind = k.kind) as id,
            max(abs(m.on_hand_after - m.on_hand_before)) as quantity,
            max(m.reason) filter (where m.kind = k.kind) as reason,
            max(m.actor) filter (where m.kind = k.kind) as actor,
            max(m.created_at) filter (where m.kind = k.kind) as created_at,
            max(m.id) filter (where m.kind <> k.kind) as deletion_id,
            max(m.actor) filter (where m.kind <> k.kind) as deleted_by,
            max(m.created_at) filter (where m.kind <> k.kind) as deleted_at
        from told as m
        cross join lateral (select replace(m.kind, 'delete_', '') as kind) as k
        group by k.kind, m.reference
    ) as l
    where
        not exists (
            select from flow as f
            where f.kind = l.kind and f.id::text = l.reference and (l.deletion_id is null or f.deleted_at is not null)
        );
end;
$$;

comment on function maintenance.rebuild_flows(bigint) is
'What repairs the differences that maintenance.verify_flows() finds: the movements and the quantity of each inflow, outflow and
deleted flow, from the movements that name it. Returns rows as maintenance.plan_of() does.';
