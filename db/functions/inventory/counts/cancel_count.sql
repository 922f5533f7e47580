create or replace function inventory.cancel_count(p_count_id bigint, p_actor text default null)
returns store.count
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count store.count := inventory.lock_open_count(p_count_id);
begin
    update store.count as c
    set status = 'cancelled', closed_by = coalesce(p_actor, session_user), closed_at = inventory.clock()
    where c.id = p_count_id
    returning * into v_count;
    return v_count;
end;
$$;

comment on function inventory.cancel_count(bigint, text) is
'End a count without booking its differences. Errors: COUNT_CLOSED, COUNT_NOT_FOUND.';

grant execute on function inventory.cancel_count(bigint, text) to inventory_operator;
