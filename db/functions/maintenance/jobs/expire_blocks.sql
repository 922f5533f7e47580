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
    v_seen bigint [];
    v_savepoints integer := 0;
begin
    perform inventory.require_limit(p_limit);
    delete from store.job_failure as f
    where f.job = 'expire_blocks' and f.failed_at not between v_now - interval '1 hour' and v_now;
    v_seen := array(select f.product_id from store.job_failure as f where f.job = 'expire_blocks');
    for v_product_id in
        select b.product_id
        from store.block as b
        where inventory.is_expired_block(b, v_now)
        order by b.expires_at
    loop
        continue when v_product_id = any(v_seen);
        v_seen := v_seen || v_product_id;
        perform from store.stock as s where s.product_id = v_product_id for no key update skip locked;
        continue when not found;
        begin
            v_left := v_left - inventory.end_expired_blocks(v_product_id, v_left);
            v_savepoints := v_savepoints + 1;
        exception
            when integrity_constraint_violation or data_exception then
                insert into store.job_failure (job, product_id, failed_at, message)
                values ('expire_blocks', v_product_id, v_now, sqlerrm)
                on conflict do nothing;
        end;
        -- A transaction with more than 64 savepoints slows down the snapshots of all other transactions.
        exit when v_left = 0 or v_savepoints = 60;
    end loop;
    return p_limit - v_left;
end;
$$;

comment on function maintenance.expire_blocks(integer) is
'End up to p_limit expired blocks of up to 60 products, those that expired first, and return how many were ended.

This is only bookkeeping: the units of a block are available from the instant at which it expires. The function skips products
whose rows are locked, so that it never waits. Call it again until it returns 0. A product that fails is left unchanged, is listed
in maintenance.status(), and is tried again an hour later. pg_cron calls the function every minute.';

grant execute on function maintenance.expire_blocks(integer) to inventory_maintenance;
