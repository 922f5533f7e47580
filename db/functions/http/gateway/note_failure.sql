create or replace function http.note_failure(p_request_id text, p_sqlstate text, p_message text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    raise log 'request % failed: % %', left(p_request_id, 128), left(p_sqlstate, 5), left(p_message, 1000);
end;
$$;

comment on function http.note_failure(text, text, text) is
'Write to PostgreSQL''s log that a request failed with an unexpected error.

The log entry links the id of the request to the error, even if the log shows no parameters.';

grant execute on function http.note_failure(text, text, text) to inventory_public;
