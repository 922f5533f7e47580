create or replace function maintenance.turn_prices(p_limit integer default 60)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_product_id bigint;
    v_count integer := 0;
    v_left integer := p_limit;
    v_seen bigint [];
begin
    perform inventory.require_limit(p_limit);
    -- The last run was later than now: the clock went back.
    if exists (select from store.job as j where j.name = 'turn_prices' and j.last_finished_at > v_now) then
        v_count := inventory.renew_price_turns(v_now);
    end if;

    delete from store.job_failure as f
    where f.job = 'turn_prices' and f.failed_at not between v_now - interval '1 hour' and v_now;
    v_seen := array(select f.product_id from store.job_failure as f where f.job = 'turn_prices');
    for v_product_id in
        select t.product_id
        from store.price_turn as t
        where t.at <= v_now
        order by t.at
    loop
        exit when v_left = 0;
        continue when v_product_id = any(v_seen);
        v_seen := v_seen || v_product_id;
        perform from store.product as p where p.id = v_product_id for no key update skip locked;
        continue when not found;
        begin
            v_count := v_count + inventory.turn_prices_of(v_product_id, v_now);
            v_left := v_left - 1;
        exception
            when integrity_constraint_violation or data_exception then
                insert into store.job_failure (job, product_id, failed_at, message)
                values ('turn_prices', v_product_id, v_now, sqlerrm)
                on conflict do nothing;
        end;
    end loop;
    return v_count;
end;
$$;

comment on function maintenance.turn_prices(integer) is
'Bring what hangs on the active prices up to date where a scheduled rule has begun or ended, for up to p_limit products, and
return how many instants were dealt with. Each product has a savepoint: more than 64 slow everybody''s snapshots.

Only bookkeeping: the active price itself changes on time without it. Where the clock went back since the last run, what was
done for instants that are ahead again is put right too. Skips products that somebody else is working on; call
again until it returns 0. A product that fails is left as it is, stands in maintenance.status(), and is tried again an hour later.
pg_cron calls this every minute.';

grant execute on function maintenance.turn_prices(integer) to inventory_maintenance;
