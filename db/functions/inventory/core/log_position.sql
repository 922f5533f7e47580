create or replace function inventory.log_position()
returns pg_lsn
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when pg_is_in_recovery() then pg_last_wal_replay_lsn()
        when current_setting('synchronous_commit') = 'off' then pg_current_wal_insert_lsn() -- others see it unflushed
        else pg_current_wal_flush_lsn()
    end;
end;
$$;

comment on function inventory.log_position() is
'How far this server is: everything that has been seen here so far is at or before this position of the write-ahead log.

Ask for it after the transaction whose changes, or after the query whose rows are meant. On a standby, inventory.wait_for waits
for it.';

grant execute on function inventory.log_position() to inventory_public;
