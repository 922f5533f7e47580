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
'The instant that a text means: UTC where it has no offset, whatever the session''s zone.';
