create or replace function http.read_after(
    p_position pg_lsn,
    p_seconds numeric,
    p_function text,
    p_arguments jsonb,
    out body json,
    out tag text,
    out reached pg_lsn
)
returns record
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_statement text;
begin
    perform inventory.require_argument('position', p_position is null);
    perform inventory.require_argument('seconds', p_seconds is null);
    v_statement := http.statement(p_function);
    if not http.may_call(p_function) then
        raise exception using
            errcode = 'insufficient_privilege',
            message = format('permission denied for function %s', p_function);
    end if;
    if not inventory.wait_for(p_position, p_seconds) then
        return;
    end if;
    -- This function is volatile, so the statement sees what has been replayed by now.
    execute v_statement into body using coalesce(p_arguments, '{}');
    tag := current_setting('inventory.etag', true);
    reached := inventory.log_position();
end;
$$;

comment on function http.read_after(pg_lsn, numeric, text, jsonb) is
'Call http.<p_function> on a standby when it shows everything up to p_position. If it does not within p_seconds, nothing is read,
and reached is null.

body: what the function returns. tag: of the product that it read, if it read one. reached: the answer shows nothing later. The
caller needs EXECUTE on the called function. Errors: insufficient_privilege, undefined_function, and those of the function.';

grant execute on function http.read_after(pg_lsn, numeric, text, jsonb) to inventory_public;
