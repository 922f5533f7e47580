create or replace function maintenance.detach_movements(p_before date)
returns table (name text, movements bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s' -- more than deadlock_timeout, after which autovacuum gives way
as $$
declare
    -- A call that began before midnight may still write into the month that has just ended.
    v_this_month constant timestamp := date_trunc('month', (inventory.clock() - interval '1 hour') at time zone 'UTC');
    v_missing timestamptz;
    v_before timestamp;
    v_until timestamptz;
    v_names text [];
    v_name text;
    v_count bigint;
begin
    perform inventory.require_argument('before', p_before is null);
    if p_before >= v_this_month + interval '1 month' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'before must not be after the beginning of this month, nor of one that began less than an hour ago',
            detail = jsonb_build_object('field', 'before', 'input', p_before);
    end if;

    if p_before < date '0001-01-01' then
        return;
    end if;
    v_before := date_trunc('month', p_before::timestamp);
    v_until := v_before at time zone 'UTC';

    lock table store.movement in share update exclusive mode;
    select array_agg(c.relname::text order by c.relname) into v_names
    from pg_inherits as i
    inner join pg_class as c on i.inhrelid = c.oid
    where
        i.inhparent = 'store.movement'::regclass
        and (
            (c.relname ~ '^movement_[0-9]' and c.relname < 'movement_' || to_char(v_before, 'YYYY_MM'))
            or (c.relname ~ '^movement_before_' and c.relname <= 'movement_before_' || to_char(v_before, 'YYYY_MM'))
        );

    if v_names is null then
        return;
    end if;
    select d.created_at into v_missing from store.movement_default as d where d.created_at < v_until limit 1;
    if found then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = format('Movements of %s lie in the default partition.', to_char(v_missing at time zone 'UTC', 'YYYY-MM')),
            hint = 'Call maintenance.make_partitions() until it returns 0, then detach again.';
    end if;
    foreach v_name in array v_names loop
        -- The lock keeps writers out, so that all movements of the month are seen.
        execute format('lock table store.%I in share mode', v_name);
        execute format(
            'insert into store.opening_balance as o select distinct on (m.product_id) m.product_id, m.id, m.on_hand_after,'
            ' m.reserved_after, m.blocked_after, m.average_quantity, m.average_value, m.number,'
            ' bool_or(k.is_history) over (partition by m.product_id)'
            ' from store.%I as m inner join inventory.movement_kinds() as k on m.kind = k.kind'
            ' order by m.product_id, m.number desc on conflict (product_id) do update set movement_id = excluded.movement_id,'
            ' number = excluded.number, has_history = o.has_history or excluded.has_history, on_hand = excluded.on_hand,'
            ' reserved = excluded.reserved, blocked = excluded.blocked,'
            ' average_quantity = excluded.average_quantity, average_value = excluded.average_value'
            ' where excluded.number > o.number',
            v_name
        );
        execute format('select count(*) from store.%I', v_name) into v_count;
        insert into store.detached_month (name, until, movements, detached_at)
        values (v_name, v_until, v_count, inventory.clock());
        name := v_name;
        movements := v_count;
        return next;
    end loop;

    if exists (
        select from store.movement as m
        inner join store.opening_balance as o on m.product_id = o.product_id
        where m.created_at >= v_until and m.number <= o.number
    ) then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = 'A product has an earlier movement of a later time: the clock was set back.',
            hint = 'Detach up to another month.';
    end if;

    foreach v_name in array v_names loop
        execute format('alter table store.movement detach partition store.%I', v_name);
    end loop;
end;
$$;

comment on function maintenance.detach_movements(date) is
'Detach the months before the month of p_before (UTC) from the ledger.

The detached months become separate tables in the schema store, which a DBA can dump and drop. The balances of each product at
their end are brought forward (store.opening_balance). Balances, blocks, cost layers, purchases, sales and flows lose nothing.

The ledger then begins at that instant (inventory.ledger_start): movements are listed and reported from there on, an earlier as-of
time is refused, and maintenance.verify() starts from the balances that were brought forward. Returns the tables and the number of
movements in each.

The function reads the detached months completely. Writers are locked out only for the moment of detaching. If the lock is not
available within two seconds, nothing happens: try again. Errors: 22023 if a month is not over, or ended less than an hour ago;
55000 if movements of those months have no partition yet, or if the clock was set back across that boundary; 55P03.';

grant execute on function maintenance.detach_movements(date) to inventory_maintenance;
