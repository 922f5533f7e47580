create or replace function maintenance.purge_idempotency_keys(p_limit integer default 10000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
    v_now constant timestamptz := inventory.clock();
    v_before constant timestamptz := v_now - (select s.idempotency_lifetime from store.setting as s);
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
    delete from store.password_key as k where (k.made_at between v_now - interval '10 minutes' and v_now) is not true;
    return v_count;
end;
$$;

comment on function maintenance.purge_idempotency_keys(integer) is
'Delete up to p_limit Idempotency-Keys whose lifetime is over, oldest first, and return how many were deleted.

Skips keys that are in use. Deletes the keys of sealed passwords that are older than ten minutes, too. Call it again
until it returns 0: a job does so every five minutes.';

grant execute on function maintenance.purge_idempotency_keys(integer) to inventory_maintenance;
