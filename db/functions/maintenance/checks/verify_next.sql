create or replace function maintenance.verify_next(p_limit integer default 1000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_pass store.verification;
    v_from bigint;
    v_next bigint;
    v_count bigint;
begin
    perform inventory.require_limit(p_limit);
    select * into v_pass from store.verification as v for update;
    v_from := coalesce(v_pass.next_product_id, -9223372036854775808);
    if v_pass.next_product_id is null then
        v_pass.started_at := v_now;
        v_pass.differences := 0;
    end if;

    v_next := (select p.id from store.product_ever as p where p.id >= v_from order by p.id offset p_limit limit 1);
    select count(*) into v_count from maintenance.verify(v_from, coalesce(v_next - 1, 9223372036854775807));
    if v_next is null then
        v_count := v_count + (select count(*) from maintenance.verify_row_totals());
        v_pass.last_finished_at := v_now;
        v_pass.last_differences := v_pass.differences + v_count;
    end if;
    if v_count > 0 then
        raise warning 'maintenance.verify(%, %) found % differences', v_from, v_next - 1, v_count;
    end if;
    update store.verification as v
    set
        next_product_id = v_next,
        started_at = v_pass.started_at,
        differences = v_pass.differences + v_count,
        last_finished_at = v_pass.last_finished_at,
        last_differences = v_pass.last_differences;
    return case when v_next is null then 0 else p_limit end;
end;
$$;

comment on function maintenance.verify_next(integer) is
'Verify the next p_limit products, as maintenance.verify() does, and return how many were verified.

A call continues where the last one stopped (store.verification). It returns 0 after the last product, and the next call begins
with the first one. Differences are counted, and a warning in the log names the range of ids in which they are. Each call reads
one snapshot and locks only its own row. pg_cron calls it at night until all products are verified, for at most an hour. Errors:
22004, 22023.';

grant execute on function maintenance.verify_next(integer) to inventory_maintenance;
