create or replace function maintenance.expire_blocks(p_limit integer default 1000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_left integer := p_limit;
    v_product_id bigint;
    v_seen bigint [] := array[]::bigint [];
begin
    perform inventory.require_limit(p_limit);
    for v_product_id in
        select b.product_id
        from store.block as b
        where b.status = 'active' and b.expires_at <= v_now
        order by b.expires_at
    loop
        continue when v_product_id = any(v_seen);
        v_seen := v_seen || v_product_id;
        perform from store.stock as s where s.product_id = v_product_id for no key update skip locked;
        continue when not found;
        v_left := v_left - inventory.end_expired_blocks(v_product_id, v_left);
        exit when v_left = 0;
    end loop;
    return p_limit - v_left;
end;
$$;

comment on function maintenance.expire_blocks(integer) is
'End as expired up to p_limit blocks whose time is over, those first that have waited longest, and return how many.

Only bookkeeping: their units could be had from the instant they expired. Skips products that somebody else is working
on, so it waits for nobody, in whatever order it locks; call again until it returns 0. pg_cron does so every minute.';

grant execute on function maintenance.expire_blocks(integer) to inventory_maintenance;
