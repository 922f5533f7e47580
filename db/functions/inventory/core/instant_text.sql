create or replace function inventory.instant_text(p_at timestamptz)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || case when extract(microseconds from p_at)::integer % 1000000 = 0 then '' else to_char(p_at, '.US') end
        || 'Z';
end;
$$;

comment on function inventory.instant_text(timestamptz) is
'A time in ISO 8601: UTC with Z, microseconds where there are any.';
