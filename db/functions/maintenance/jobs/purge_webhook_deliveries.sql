create or replace function maintenance.purge_webhook_deliveries(p_limit integer default 10000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_deliveries integer;
    v_events integer;
begin
    perform inventory.require_limit(p_limit);
    with old as (
        select d.id
        from store.webhook_delivery as d
        where
            (d.status = 'delivered' and d.finished_at <= v_now - interval '30 days')
            or (d.status = 'failed' and d.finished_at <= v_now - interval '90 days')
        limit p_limit
        for update skip locked
    )

    delete from store.webhook_delivery as d
    using old
    where d.id = old.id;
    get diagnostics v_deliveries = row_count;

    -- Ids are ordered by time. What an endpoint took with it that was deleted goes too.
    with old as (
        select e.id
        from store.event as e
        where
            e.id < inventory.uuid_v7(v_now - interval '30 days')
            and not exists (select from store.webhook_delivery as d where d.event_id = e.id)
        limit p_limit
        for update skip locked
    )

    delete from store.event as e
    using old
    where e.id = old.id;
    get diagnostics v_events = row_count;
    return v_deliveries + v_events;
end;
$$;

comment on function maintenance.purge_webhook_deliveries(integer) is
'Delete up to p_limit deliveries that were made 30 days ago or given up 90 days ago, and as many events of which none is left;
return how many rows. Waits for nobody. pg_cron does so every day.';

grant execute on function maintenance.purge_webhook_deliveries(integer) to inventory_maintenance;
