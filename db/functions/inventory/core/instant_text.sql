create or replace function inventory.instant_text(p_at timestamptz)
returns text
language sql
stable
parallel safe
as $$ select replace(to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000', '') $$;

comment on function inventory.instant_text(timestamptz) is
'A time in ISO 8601 as APIs 1 and 5 print it: in UTC with a Z, with microseconds unless they are 0.';
