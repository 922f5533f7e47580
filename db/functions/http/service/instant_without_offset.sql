create or replace function http.instant_without_offset(p_at timestamptz)
returns text
language sql
stable
parallel safe
as $$ select replace(to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '.000000', '') $$;

comment on function http.instant_without_offset(timestamptz) is
'A time as APIs 3 and 4 print it: in UTC without an offset, with microseconds unless they are 0.';
