create or replace function maintenance.purge_idempotency_keys(p_limit integer default 10000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
    v_before constant timestamptz := inventory.clock() - (select s.idempotency_lifetime from store.setting as s);
begin
    perform inventory.require_limit(p_limit);
    delete from store.idempotency_key as k
    where k.ctid = any(
        array(
            select o.ctid
            from store.idempotency_key as o
            where o.created_at <= v_before
            order by o.created_at
            limit p_limit
            for update skip locked
        )
    );
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function maintenance.purge_idempotency_keys(integer) is
'Delete up to p_limit Idempotency-Keys whose lifetime is over, oldest first, and return how many were deleted.

Skips keys that are in use. Call it again until it returns 0: pg_cron does so every five minutes.';

grant execute on function maintenance.purge_idempotency_keys(integer) to inventory_maintenance;
