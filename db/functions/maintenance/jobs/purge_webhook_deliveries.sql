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
    -- Each part reads at most p_limit entries of an index, beginning with the oldest.
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

    -- Another purge may have deleted the other deliveries of an event. The later purge waits here and then sees that.
    perform from store.event as e where e.id = any(v_event_ids) order by e.id for update;
    delete from store.event as e
    where e.id = any(v_event_ids) and not exists (select from store.webhook_delivery as d where d.event_id = e.id);
    get diagnostics v_events = row_count;

    -- A transaction that saw the endpoint before its deletion may still queue deliveries for it, but no transaction lasts for a
    -- day.
    delete from store.webhook as w
    where
        w.deleted_at <= v_now - interval '1 day'
        and not exists (select from store.webhook_delivery as d where d.webhook_id = w.id);
    delete from store.webhook_position as p
    where not exists (select from store.webhook as w where w.id = p.webhook_id);
    return v_deliveries + v_events;
end;
$$;

comment on function maintenance.purge_webhook_deliveries(integer) is
'Delete up to p_limit old deliveries, and the events that have no deliveries left, and return the number of deleted rows.

Deliveries are deleted 30 days after they succeeded, 90 days after they finally failed, and 90 days after they were due at a
disabled endpoint. All deliveries of a deleted endpoint are deleted, and the row of the endpoint follows a day later. The function
skips locked deliveries, and waits only for another purge. Call it again until it returns 0: pg_cron does so every five minutes.';

grant execute on function maintenance.purge_webhook_deliveries(integer) to inventory_maintenance;
