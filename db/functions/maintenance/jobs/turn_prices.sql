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
    -- If the last run was later than now, the clock was set back.
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
'Process scheduled price changes that are due, for up to p_limit products, and return how many instants were processed.

See inventory.note_price_change for what a change updates. This is only bookkeeping: the active price itself changes on time
without it. If the clock was set back since the last run, changes that are in the future again are undone. The function skips
products whose rows are locked. Call it again until it returns 0. A product that fails is left unchanged, is listed in
maintenance.status(), and is tried again an hour later. Each product has a savepoint, and more than 64 savepoints slow down the
snapshots of all other transactions. pg_cron calls the function every minute.';

grant execute on function maintenance.turn_prices(integer) to inventory_maintenance;
