create or replace function http.instant_of(p_text text)
returns timestamptz
language plpgsql
stable
set timezone = 'UTC'
as $$
begin
    return p_text::timestamptz;
end;
$$;

comment on function http.instant_of(text) is
'Parse a time. Without an offset it is in UTC, whatever the time zone of the session is.';
