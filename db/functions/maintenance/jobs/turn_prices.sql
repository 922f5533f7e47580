create or replace function maintenance.turn_prices(p_limit integer default 1000)
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
begin
    perform inventory.require_limit(p_limit);
    -- The last run was later than now: the clock went back.
    if exists (select from store.job as j where j.name = 'turn_prices' and j.last_finished_at > v_now) then
        v_count := inventory.renew_price_turns(v_now);
    end if;

    for v_product_id in
        select t.product_id
        from store.price_turn as t
        where t.at <= v_now
        group by t.product_id
        order by min(t.at)
        limit p_limit
    loop
        perform from store.product as p where p.id = v_product_id for no key update skip locked;
        continue when not found;
        v_count := v_count + inventory.turn_prices_of(v_product_id, v_now);
    end loop;
    return v_count;
end;
$$;

comment on function maintenance.turn_prices(integer) is
'Bring what hangs on the active prices up to date where a scheduled rule has begun or ended, for up to p_limit products, and
return how many instants were dealt with.

Only bookkeeping: the active price itself changes on time without it. Where the clock went back since the last run, what was
done for instants that are ahead again is put right too. Skips products that somebody else is working on; call
again until it returns 0. pg_cron does so every minute.';

grant execute on function maintenance.turn_prices(integer) to inventory_maintenance;
