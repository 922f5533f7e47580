create or replace function http.instant_without_offset(p_at timestamptz)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return rtrim(http.instant(p_at), 'Z');
end;
$$;

comment on function http.instant_without_offset(timestamptz) is
'A time as APIs 3 and 4 print it: UTC with no offset, microseconds where there are any.';
