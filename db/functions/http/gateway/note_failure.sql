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
'Write into PostgreSQL''s log that a request failed for a reason that nobody foresaw.

The request''s id then stands beside the error itself, whatever parameters the log may show.';

grant execute on function http.note_failure(text, text, text) to inventory_public;
