create or replace function http.read_after(
    p_position pg_lsn,
    p_seconds numeric,
    p_statement text,
    p_arguments jsonb,
    out body json,
    out tag text,
    out reached pg_lsn
)
returns record
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if not inventory.wait_for(p_position, p_seconds) then
        return;
    end if;
    -- It is volatile, so the statement sees what has been replayed by now.
    execute p_statement into body using p_arguments;
    tag := current_setting('inventory.etag', true);
    reached := inventory.log_position();
end;
$$;

comment on function http.read_after(pg_lsn, numeric, text, jsonb) is
'Read on a standby when it shows everything up to p_position. If it does not within p_seconds, nothing is
read, and reached is null.

p_statement: of http.catalog(), with p_arguments as $1. It runs with the rights of the caller. body: what it returns. tag: of the
product that it read, empty if it read none. reached: the answer shows nothing later.';

grant execute on function http.read_after(pg_lsn, numeric, text, jsonb) to inventory_public;
