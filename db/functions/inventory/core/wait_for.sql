create or replace function inventory.wait_for(p_position pg_lsn, p_seconds numeric default 1)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_end constant timestamptz := clock_timestamp() + greatest(0, least(p_seconds, 60)) * interval '1 second';
begin
    while pg_is_in_recovery() and pg_last_wal_replay_lsn() < p_position
    loop
        if clock_timestamp() >= v_end then
            return false;
        end if;
        perform pg_sleep(0.005);
    end loop;
    return true;
end;
$$;

comment on function inventory.wait_for(pg_lsn, numeric) is
'Wait on a standby until it shows everything up to a position that inventory.log_position() has given elsewhere.

p_seconds: at most so long, and at most 60. Returns whether it is there: then each later query sees it, in a transaction that is
READ COMMITTED. True at once on the primary, where nothing is newer.';

grant execute on function inventory.wait_for(pg_lsn, numeric) to inventory_public;
