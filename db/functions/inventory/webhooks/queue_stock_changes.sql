create or replace function inventory.queue_stock_changes(p_limit integer default 1000)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- also while the ledger is small: a plan that is kept must use the index of the feed
as $$
declare
    v_now timestamptz;
    v_end bigint;
    v_reader record;
    v_limit integer;
    v_movements store.movement [];
    v_first store.movement;
    v_last store.movement;
    v_is_full boolean;
    v_is_more boolean := false;
begin
    perform inventory.require_limit(p_limit);
    if
        not exists (select from store.webhook as w where inventory.takes_stock_events(w))
        or not pg_try_advisory_xact_lock(hashtextextended('inventory.queue_stock_changes', 0))
    then
        return false;
    end if;
    v_now := inventory.clock();
    v_end := inventory.feed_end();

    -- Endpoints that have come equally far share one reading, and the events.
    for v_reader in
        with locked as materialized (
            select p.webhook_id, p.feed_key, p.feed_id, w.stock_changes, w.events
            from store.webhook_position as p
            inner join store.webhook as w on p.webhook_id = w.id
            where
                inventory.takes_stock_events(w)
                and (
                    w.stock_changes = 'each'
                    or (p.told_at > v_now - interval '1 second' and p.told_at <= v_now) is not true
                )
            for no key update of p skip locked
        )

        select
            l.feed_key,
            l.feed_id,
            l.stock_changes,
            array_agg(l.webhook_id) as webhook_ids,
            bool_or('stock.changed' = any(l.events)) as has_changed,
            bool_or(l.events && '{stock.available,stock.sold_out}'::text []) as has_crossed
        from locked as l
        group by l.feed_key, l.feed_id, l.stock_changes
        order by l.feed_key, l.feed_id, l.stock_changes
    loop
        -- A second has one reading, so that it has one event for a product. It must keep up with what a second can bring.
        v_limit := p_limit * case v_reader.stock_changes when 'each' then 1 else 5 end;
        v_movements := array(
            select m
            from store.movement as m
            where
                m.feed_key > 0 and (m.feed_key, m.id) > (v_reader.feed_key, v_reader.feed_id) and m.feed_key < v_end
            order by m.feed_key, m.id
            limit v_limit
        );
        continue when cardinality(v_movements) = 0;
        v_first := v_movements[1];
        v_last := v_movements[cardinality(v_movements)];

        if v_reader.has_changed then
            perform inventory.queue_events(
                'stock.changed',
                array_agg(e.data order by e.feed_key, e.feed_id),
                array_agg(e.at order by e.feed_key, e.feed_id),
                v_reader.webhook_ids
            )
            from (
                select
                    m.feed_key,
                    m.id as feed_id,
                    m.occurred_at as at,
                    json_build_object(
                        'product', inventory.product_in_event(m.product_id),
                        'number', m.number,
                        'kind', m.kind,
                        'reference', m.reference,
                        'reason', m.reason,
                        'actor', m.actor,
                        'occurred_at', inventory.instant_text(m.occurred_at),
                        'before', inventory.balances_in_event(m.on_hand_before, m.reserved_before, m.blocked_before),
                        'after', inventory.balances_in_event(m.on_hand_after, m.reserved_after, m.blocked_after)
                    ) as data
                from unnest(v_movements) as m
                where v_reader.stock_changes = 'each'
                union all
                select (g.last).feed_key, (g.last).id, (g.last).occurred_at, inventory.movements_in_event(g.first, g.last)
                from (
                    select
                        (array_agg(m order by m.number))[1] as first,
                        (array_agg(m order by m.number desc))[1] as last
                    from unnest(v_movements) as m
                    where v_reader.stock_changes = 'per_second'
                    group by m.product_id
                ) as g
            ) as e;
        end if;

        if v_reader.has_crossed then
            -- A transaction may be longer than a reading: its last movement of the product decides which reading tells it.
            perform inventory.queue_events(
                e.event,
                array_agg(e.data order by e.feed_key, e.feed_id),
                array_agg(e.at order by e.feed_key, e.feed_id),
                v_reader.webhook_ids
            )
            from (
                select
                    (g.last).feed_key,
                    (g.last).id as feed_id,
                    (g.last).occurred_at as at,
                    case when a.after > 0 then 'stock.available' else 'stock.sold_out' end as event,
                    inventory.movements_in_event(g.first, g.last) as data
                from (
                    select
                        (array_agg(m order by m.number))[1] as first,
                        (array_agg(m order by m.number desc))[1] as last
                    from store.movement as m
                    where m.feed_key > 0 and m.feed_key between v_first.feed_key and v_last.feed_key
                    group by m.feed_key, m.product_id
                ) as g
                cross join lateral (
                    select
                        (g.first).on_hand_before - (g.first).reserved_before - (g.first).blocked_before as before,
                        (g.last).on_hand_after - (g.last).reserved_after - (g.last).blocked_after as after
                ) as a
                where
                    (a.before > 0) <> (a.after > 0)
                    and ((g.last).feed_key, (g.last).id) between (v_first.feed_key, v_first.id) and (v_last.feed_key, v_last.id)
                    and exists (
                        select from store.stock as s where s.product_id = (g.last).product_id and s.status = 'active'
                    )
            ) as e
            group by e.event;
        end if;

        v_is_full := cardinality(v_movements) = v_limit;
        v_is_more := v_is_more or (v_is_full and v_reader.stock_changes = 'each');
        update store.webhook_position as p
        set
            feed_key = case when v_is_full then v_last.feed_key else v_end end,
            feed_id = case when v_is_full then v_last.id else 0 end,
            told_at = v_now
        where p.webhook_id = any(v_reader.webhook_ids);
    end loop;
    return v_is_more;
end;
$$;

comment on function inventory.queue_stock_changes(integer) is
'Queue the events stock.changed, stock.available and stock.sold_out for the movements that the endpoints have not been told yet.
Returns whether more of them wait.

The ledger is the outbox: the movements come from the change feed, in its order, each once for each endpoint, and no posting does
any work for them. A call reads up to p_limit movements for the endpoints that are told each change, and up to 5 * p_limit, once a
second, for the others. Of the movements of a product in one transaction, only the balances before the first and after the last
decide whether available has come from 0 or fallen to 0. As stock.low, that is not told of a product that is deleted, or whose
inventory is not active when the event is queued. A kit''s own balances never cross: nothing of it is on hand.

One call at a time does this, in all servers: another returns false at once. The senders call it, and again at once while it
returns true. Locks the positions of the endpoints, and skips those that are locked. If nobody subscribes, it reads the endpoints
and no more.';

grant execute on function inventory.queue_stock_changes(integer) to inventory_worker;
