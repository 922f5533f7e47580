create or replace function http.instant(p_at timestamptz)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return inventory.instant_text(p_at);
end;
$$;

comment on function http.instant(timestamptz) is
'A time as APIs 1 and 5 print it: UTC with Z, microseconds where there are any.';
