create or replace function maintenance.make_partitions(p_months integer default 3, p_limit integer default 1000000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamp := inventory.clock() at time zone 'UTC';
    v_month timestamp;
    v_table text;
    v_from text;
    v_until text;
begin
    perform inventory.require_limit(p_limit);
    perform inventory.require_argument('months', p_months is null);
    if p_months not between 0 and 120 then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'p_months must be between 0 and 120',
            detail = jsonb_build_object('field', 'months', 'input', p_months);
    end if;
    -- The first month, of those ahead and of movements that lie in the default partition, that has no table.
    select a.month into v_month
    from (
        select date_trunc('month', g.at) as month, 0 as movements
        from generate_series(date_trunc('month', v_now), v_now + make_interval(months => p_months), '1 month') as g (at)
        union all
        select date_trunc('month', d.created_at at time zone 'UTC'), count(*)
        from store.movement_default as d
        group by 1
    ) as a
    where
        to_regclass('store.movement_' || to_char(a.month, 'YYYY_MM')) is null
        and not exists (
            select from pg_inherits as i
            inner join pg_class as c on i.inhrelid = c.oid
            where
                i.inhparent = 'store.movement'::regclass
                and c.relname ~ '^movement_before_'
                and c.relname > 'movement_before_' || to_char(a.month, 'YYYY_MM')
        )
    group by a.month
    having sum(a.movements) <= p_limit
    order by a.month
    limit 1;
    if not found then
        return 0;
    end if;

    v_table := 'movement_' || to_char(v_month, 'YYYY_MM');
    v_from := to_char(v_month, 'YYYY-MM-DD 00:00:00+00');
    v_until := to_char(v_month + interval '1 month', 'YYYY-MM-DD 00:00:00+00');
    perform set_config('lock_timeout', '1s', true);
    execute format('create table store.%I (like store.movement_default including all)', v_table);
    execute format('comment on table store.%I is %L', v_table, 'Movements of ' || to_char(v_month, 'YYYY-MM') || ' (UTC).');
    execute format(
        'insert into store.%I select * from store.movement_default as d where d.created_at >= $1 and d.created_at < $2', v_table
    )
    using v_from::timestamptz, v_until::timestamptz;

    if v_month <= v_now + interval '1 day' or exists (select from store.movement_default) then
        -- Whoever writes a movement of this month just now may have the default partition in mind.
        lock table store.movement in share row exclusive mode;
        execute format(
            'insert into store.%I select * from store.movement_default as d where d.created_at >= $1 and d.created_at < $2'
            ' and not exists (select from store.%I as m where m.product_id = d.product_id and m.id = d.id)',
            v_table, v_table
        )
        using v_from::timestamptz, v_until::timestamptz;
        delete from store.movement_default as d
        where d.created_at >= v_from::timestamptz and d.created_at < v_until::timestamptz;
    end if;
    execute format('alter table store.movement attach partition store.%I for values from (%L) to (%L)', v_table, v_from, v_until);
    return 1;
exception
    when lock_not_available then
        raise warning 'The partition % waits: somebody reads or writes the whole ledger.', v_table;
        return 0;
end;
$$;

comment on function maintenance.make_partitions(integer, integer) is
'Make one partition of the ledger: the first month that has none, of this one and p_months ahead (3), or of movements that lie
in the default partition, which move there. Returns 1; 0 where nothing is left to do.

Only housekeeping: movements of a month that has no partition are kept in the default one. A month ahead holds up nobody who
moves stock. Where movements move, writers wait for as long as that takes: some seconds a million, of months with more than
p_limit of them (a million) not at all: those are left, and maintenance.status() counts them. Does nothing where a lock is not had within a second;
call again until it returns 0. pg_cron does so every hour, db/apply.py whenever it runs. Errors: 22023.';

grant execute on function maintenance.make_partitions(integer, integer) to inventory_maintenance;
