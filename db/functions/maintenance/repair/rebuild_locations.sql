create or replace function maintenance.rebuild_locations(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_start constant timestamptz := inventory.ledger_start();
begin
    -- The stock of a location is what the last movement there left. If the row is lost, its units arrived with the first movement
    -- since the location was empty.
    return query
    select
        'location_stock', to_jsonb(h),
        jsonb_build_object(
            'product_id', p_product_id, 'location_id', coalesce(l.location_id, h.location_id),
            'quantity', coalesce(l.quantity_after, 0), 'arrived_at', coalesce(h.arrived_at, a.at, v_start)
        ),
        null::text
    from (
        select distinct on (m.location_id) m.location_id, m.quantity_after
        from store.location_movement as m
        where m.product_id = p_product_id
        order by m.location_id, m.movement_id desc
    ) as l
    full join (select s.* from store.location_stock as s where s.product_id = p_product_id) as h
        on l.location_id = h.location_id
    left join lateral (
        select min(v.created_at) as at
        from store.location_movement as m
        inner join store.movement as v on m.product_id = v.product_id and m.movement_id = v.id
        where
            h.location_id is null
            and m.product_id = p_product_id
            and m.location_id = l.location_id
            and m.movement_id > (
                select coalesce(max(e.movement_id), 0)
                from store.location_movement as e
                where e.product_id = p_product_id and e.location_id = l.location_id and e.quantity_after = 0
            )
    ) as a on true
    where coalesce(h.quantity, 0) <> coalesce(l.quantity_after, 0);

    -- An ART operation is the one that its movement names. Where a count found no difference there is no movement: it counted
    -- what the location held.
    return query
    with told as (
        select
            m.id, m.kind, m.reference, m.reason, m.actor, m.created_at, m.on_hand_after - m.on_hand_before as change, l.rows,
            l.moved, l.held, l.left_location, l.reached_location
        from store.movement as m
        left join lateral (
            select
                count(*) as rows,
                max(c.quantity_after - c.quantity_before) as moved,
                max(c.quantity_after) as held,
                max(o.code) filter (where c.quantity_after < c.quantity_before) as left_location,
                max(o.code) filter (where c.quantity_after > c.quantity_before) as reached_location
            from store.location_movement as c
            inner join store.location as o on c.location_id = o.id
            where c.product_id = m.product_id and c.movement_id = m.id
        ) as l on true
        where m.product_id = p_product_id and inventory.is_order(m.kind, m.reference)
    ),

    wanted as (
        select
            t.*,
            coalesce(o.id, t.reference::bigint) as operation_id,
            to_jsonb(o) as found,
            jsonb_build_object(
                'id', t.reference::bigint,
                'product_id', p_product_id,
                'operation_type', initcap(t.kind),
                'sku', coalesce(o.sku, p.sku),
                'quantity', case t.kind
                    when 'remove' then -t.change
                    when 'transfer' then t.moved
                    when 'count' then coalesce(c.counted_quantity, t.held)
                    else t.change
                end,
                'from_location', case when t.kind in ('remove', 'transfer') then t.left_location end,
                'to_location', case
                    when t.kind = 'transfer' then t.reached_location
                    when t.kind <> 'remove' then coalesce(t.reached_location, t.left_location)
                end,
                'booked_quantity', case when t.kind = 'count' then coalesce(c.counted_quantity, t.held) - t.change end,
                'reason', coalesce(o.reason, t.reason),
                'movement_id', t.id,
                'count_id', coalesce(o.count_id, c.count_id),
                'actor', coalesce(o.actor, t.actor),
                'created_at', coalesce(o.created_at, t.created_at)
            ) as row
        from told as t
        left join store.art_operation as o on o.product_id = p_product_id and t.reference::bigint = o.id
        left join store.count_line as c on t.reference::bigint = c.operation_id
        left join store.product_ever as p on p.id = p_product_id
    )

    select
        'art_operation', w.found, w.row,
        case
            when w.rows <> case w.kind when 'transfer' then 2 else 1 end then
                format('Movement %s has lost what it changed at locations.', w.id)
        end
    from wanted as w
    where w.found is distinct from w.row
    union all
    select
        'art_operation', to_jsonb(o),
        to_jsonb(o) || jsonb_build_object('quantity', h.quantity, 'booked_quantity', h.quantity),
        case
            when o.operation_type <> 'Count' or o.movement_id is not null then
                format('No movement names operation %s.', o.id)
        end
    from store.art_operation as o
    left join lateral (
        select coalesce(
            (
                select m.quantity_after
                from store.location_movement as m
                inner join store.location as l on m.location_id = l.id
                left join store.movement as v on m.product_id = v.product_id and m.movement_id = v.id
                where m.product_id = p_product_id and l.code = o.to_location and coalesce(v.created_at <= o.created_at, true)
                order by m.movement_id desc
                limit 1
            ),
            0
        ) as quantity
    ) as h on true
    where
        o.product_id = p_product_id
        and o.created_at >= v_start
        and not exists (select from told as t where t.reference::bigint = o.id)
        and (
            o.movement_id is not null
            or case o.operation_type when 'Count' then o.quantity - o.booked_quantity else o.quantity end is distinct from 0
        );
end;
$$;

comment on function maintenance.rebuild_locations(bigint) is
'What repairs the differences that maintenance.verify_locations() finds: the stock of each location from its movements, and the
audit trail of ART orders from the movements that name them. Returns rows as maintenance.plan_of() does.';
