create or replace function http.figures()
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return (
        select
            json_build_object(
                'webhook_due', count(d.due),
                'webhook_oldest_seconds', coalesce(extract(epoch from v_now - min(d.due)), 0),
                'blocks_unswept_seconds',
                (
                    select coalesce(extract(epoch from v_now - min(b.expires_at)), 0)
                    from store.block as b
                    where inventory.is_expired_block(b, v_now)
                ),
                'feed_delay_seconds',
                (
                    select coalesce(extract(epoch from v_now - min(m.created_at)), 0)
                    from store.movement as m
                    where m.feed_key >= inventory.feed_end() and m.feed_key > 0
                ),
                'backends', (select sum(s.numbackends) from pg_stat_database as s),
                'backends_limit',
                current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
                - coalesce(current_setting('reserved_connections', true)::integer, 0),
                'verify_differences', (select v.last_differences from store.verification as v),
                'verify_seconds', (select extract(epoch from v_now - v.last_finished_at) from store.verification as v),
                'job_seconds',
                (
                    select json_object_agg(j.name, extract(epoch from v_now - greatest(j.scheduled_at, j.last_finished_at)))
                    from store.job as j
                )
            )
        from (
            select l.next_attempt_at as due from store.webhook_delivery as l where l.next_attempt_at <= v_now limit 10001
        ) as d
    );
end;
$$;

comment on function http.figures() is
'The figures of the database that the server shows as metrics.

webhook_due: the number of due deliveries (10001 means more than 10 000). webhook_oldest_seconds: for how long the first of them
has been due. blocks_unswept_seconds: for how long the block that expired first has waited to be ended. feed_delay_seconds: for
how long the first movement that the change feed does not show yet has waited for an older transaction. backends, backends_limit:
the connections of the PostgreSQL server, and how many there may be of roles that are no superuser. verify_differences,
verify_seconds: what the last maintenance.verify() found, and how long ago. job_seconds: the time since each job last ran or, if
it has not run yet, since it was scheduled. Null means never.';

grant execute on function http.figures() to inventory_public;
