create or replace function maintenance.status()
returns table (name text, value text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return query
    select 'server_version', current_setting('server_version')
    union all
    select 'clock', v_now::text
    union all
    select 'migrations_applied', count(*)::text from store._yoyo_migration
    union all
    select 'last_migration', max(y.migration_id) from store._yoyo_migration as y
    union all
    select 'products', inventory.row_total('product')::text
    union all
    select 'verification', maintenance.verification()
    union all
    select 'ledger_starts', nullif(inventory.ledger_start(), '-infinity')::text
    union all
    select 'ledger_last_month', max(substr(c.relname, 10))
    from pg_inherits as i
    inner join pg_class as c on i.inhrelid = c.oid
    where i.inhparent = 'store.movement'::regclass and c.relname ~ '^movement_[0-9]'
    union all
    select c.name, case when c.count > 10000 then 'more than 10000' else c.count::text end
    from (
        select 'blocks_active' as name, count(*) as count
        from (select from store.block as b where inventory.is_active_block(b, v_now) limit 10001) as l
        union all
        select 'blocks_waiting_for_sweep', count(*)
        from (select from store.block as b where inventory.is_expired_block(b, v_now) limit 10001) as l
        union all
        select 'idempotency_keys', count(*) from (select from store.idempotency_key limit 10001) as l
        union all
        select 'ledger_movements_of_no_month', count(*) from (select from store.movement_default limit 10001) as l
    ) as c;

    return query
    select 'setting ' || s.key, s.value
    from store.setting as t
    cross join lateral jsonb_each_text(to_jsonb(t) - '{singleton,feed_base}'::text []) as s;

    return query
    select
        format('job %s', j.name),
        concat_ws(
            '; ',
            case
                when j.last_finished_at is null then format('scheduled at %s, has not run yet', j.scheduled_at)
                else format(
                    'last finished at %s, run by %s, dealt with %s', j.last_finished_at,
                    case when j.cron_ran_at = j.last_finished_at then 'pg_cron or by hand' else 'a server' end, j.last_count
                )
            end,
            case when j.in_cron_since is null then 'not in pg_cron' else 'in pg_cron' end,
            case when j.failed_at is not null then format('failed at %s: %s', j.failed_at, j.last_error) end
        )
    from store.job as j
    order by j.name;

    return query
    select 'warning ' || w.subject, w.message
    from inventory.warnings() as w
    union all
    (
        select format('%s of product %s', f.job, f.product_id), format('failed at %s: %s', f.failed_at, f.message)
        from store.job_failure as f
        order by f.job, f.product_id
        limit 1000
    );
end;
$$;

comment on function maintenance.status() is
'The state of the system, with one row for each fact.

It shows versions, counts (up to 10 000, except for products), settings, when each job last ran and who ran it, problems that an
operator should look at (see inventory.warnings), and the products for which a job fails.';

grant execute on function maintenance.status() to inventory_maintenance;
