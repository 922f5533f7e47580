create or replace function maintenance.purge_webhook_deliveries(p_limit integer default 10000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_given_up constant timestamptz := v_now - interval '90 days';
    v_event_ids uuid [];
    v_deliveries integer;
    v_events integer;
begin
    perform inventory.require_limit(p_limit);
    -- Each part reads an index from its oldest entry on, and no further than p_limit.
    with old as (
        select c.id
        from (values ('delivered', v_now - interval '30 days'), ('failed', v_given_up)) as k (status, until)
        cross join lateral (
            select d.id
            from store.webhook_delivery as d
            where d.status = k.status and d.finished_at <= k.until
            order by d.finished_at
            limit p_limit
            for update skip locked
        ) as c
        union all
        select c.id
        from store.webhook as w
        cross join lateral (
            select d.id
            from store.webhook_delivery as d
            where d.webhook_id = w.id and d.next_attempt_at <= v_given_up
            order by d.next_attempt_at
            limit p_limit
            for update skip locked
        ) as c
        where not w.enabled and w.deleted_at is null
        union all
        select c.id
        from store.webhook as w
        cross join lateral (
            select d.id
            from store.webhook_delivery as d
            where d.webhook_id = w.id
            order by d.id
            limit p_limit
            for update skip locked
        ) as c
        where w.deleted_at is not null
        limit p_limit
    ),

    gone as (
        delete from store.webhook_delivery as d
        where d.id = any(array(select o.id from old as o))
        returning d.event_id
    )

    select count(*), array_agg(distinct g.event_id) into v_deliveries, v_event_ids
    from gone as g;

    -- Another purge may have taken an event's other deliveries: the later one of the two, which waits here, sees that.
    perform from store.event as e where e.id = any(v_event_ids) order by e.id for update;
    delete from store.event as e
    where e.id = any(v_event_ids) and not exists (select from store.webhook_delivery as d where d.event_id = e.id);
    get diagnostics v_events = row_count;

    -- A transaction that still saw the endpoint may have queued for it when it was deleted: none lasts for a day.
    delete from store.webhook as w
    where
        w.deleted_at <= v_now - interval '1 day'
        and not exists (select from store.webhook_delivery as d where d.webhook_id = w.id);
    return v_deliveries + v_events;
end;
$$;

comment on function maintenance.purge_webhook_deliveries(integer) is
'Delete up to p_limit deliveries, with the events of which none is left, and return how many rows.

Deliveries go that were made 30 days ago, given up 90 days ago, or due 90 days ago at an endpoint that is disabled; and all of an
endpoint that was deleted, whose own row follows a day later. Skips deliveries that somebody is changing; waits for nobody
but another purge. Call again until it returns 0. pg_cron does so every five minutes.';

grant execute on function maintenance.purge_webhook_deliveries(integer) to inventory_maintenance;
