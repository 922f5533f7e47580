create or replace function maintenance.make_partitions(p_months integer default 3, p_limit integer default 1000000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s' -- more than deadlock_timeout, after which autovacuum gives way
set enable_nestloop = off -- the planner has no statistics of the copied rows
as $$
declare
    v_now constant timestamp := inventory.clock() at time zone 'UTC';
    v_month timestamp;
    v_table text;
    v_from text;
    v_until text;
    v_count bigint;
begin
    perform inventory.require_limit(p_limit);
    perform inventory.require_argument('months', p_months is null);
    if p_months not between 0 and 120 then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'p_months must be between 0 and 120',
            detail = jsonb_build_object('field', 'months', 'input', p_months);
    end if;
    -- db/apply.py and pg_cron may run this at the same time.
    if not pg_try_advisory_xact_lock(hashtextextended('maintenance.run_batches make_partitions', 0)) then
        return 0;
    end if;
    -- Find the first month without a partition: among the coming months, and the month of a movement in the default partition.
    select a.month into v_month
    from (
        select g.at as month
        from generate_series(date_trunc('month', v_now), v_now + make_interval(months => p_months), '1 month') as g (at)
        union all
        (
            select date_trunc('month', d.created_at at time zone 'UTC')
            from store.movement_default as d
            order by d.product_id
            limit 1
        )
    ) as a
    where not exists (
        select from pg_inherits as i
        inner join pg_class as c on i.inhrelid = c.oid
        where
            i.inhparent = 'store.movement'::regclass
            and (
                starts_with(c.relname, 'movement_' || to_char(a.month, 'YYYY_MM'))
                or (
                    c.relname ~ '^movement_before_'
                    and c.relname > 'movement_before_' || to_char(a.month, 'YYYY_MM')
                )
            )
    )
    order by a.month
    limit 1;
    if not found then
        return 0;
    end if;

    v_from := to_char(v_month, 'YYYY-MM-DD 00:00:00+00');
    v_until := to_char(v_month + interval '1 month', 'YYYY-MM-DD 00:00:00+00');
    -- A detached month already has a table. If a movement of that month was written later, the next table gets the suffix _2.
    v_table := 'movement_' || to_char(v_month, 'YYYY_MM');
    select v_table || coalesce('_' || nullif(count(*), 0) + 1, '') into v_table
    from store.detached_month as d
    where starts_with(d.name, v_table);
    if to_regclass('store.' || v_table) is null then
        execute format('create table store.%I (like store.movement_default including all)', v_table);
        execute format('comment on table store.%I is %L', v_table, 'Movements of ' || to_char(v_month, 'YYYY-MM') || ' (UTC).');
    end if;
    -- Copy movements in slices, one slice in each call. Until the last step they also stay in the default partition.
    execute format(
        'insert into store.%1$I select d.* from store.movement_default as d where d.created_at >= $1 and d.created_at < $2'
        ' and not exists (select from store.%1$I as m where m.product_id = d.product_id and m.number = d.number)'
        ' limit $3',
        v_table
    )
    using v_from::timestamptz, v_until::timestamptz, p_limit;
    get diagnostics v_count = row_count;
    if v_count = p_limit then
        return sign(p_limit);
    end if;

    execute format(
        'delete from store.movement_default as d using store.%I as m where m.product_id = d.product_id and m.number = d.number',
        v_table
    );
    if v_month <= v_now + interval '1 day' or exists (select from store.movement_default) then
        -- A concurrent transaction may be writing a movement of this month into the default partition.
        lock table store.movement in share row exclusive mode;
        execute format(
            'with late as (delete from store.movement_default as d where d.created_at >= $1 and d.created_at < $2 returning *)'
            ' insert into store.%I select * from late',
            v_table
        )
        using v_from::timestamptz, v_until::timestamptz;
    end if;
    execute format('alter table store.movement attach partition store.%I for values from (%L) to (%L)', v_table, v_from, v_until);
    return 1;
exception
    when lock_not_available then
        raise warning 'Partition % is not attached yet: another transaction holds a lock on the ledger.', v_table;
        return 0;
end;
$$;

comment on function maintenance.make_partitions(integer, integer) is
'Take one step to create the next missing partition of the ledger. Returns 1, or 0 if nothing is left to do.

A partition is missing if it is for the current month, for one of the p_months (3) after it, or for a month of which movements are
in the default partition. This is only housekeeping: the default partition keeps movements of a month without a partition.

Creating the partition of a future month does not delay writers. For a past or current month, each step copies up to p_limit (a
million) movements without delaying writers. The last step removes them from the default partition, and writers wait while
PostgreSQL checks the two tables: about half a second for each million rows. That step does nothing if a lock is not available
within two seconds. Call the function again until it returns 0: pg_cron does so every hour, and db/apply.py whenever it runs.
Errors: 22023.';

grant execute on function maintenance.make_partitions(integer, integer) to inventory_maintenance;
