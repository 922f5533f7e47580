create or replace function inventory.earliest_instant(p_time inventory.iso_time)
returns timestamptz
language plpgsql
immutable
parallel safe
as $$
begin
    if length(p_time) = 10 then
        return (p_time || 'T00:00:00Z')::timestamptz;
    elsif p_time ~ '([Zz]|[+-][0-9]{2}:?[0-9]{2})$' then
        return p_time::timestamptz;
    end if;
    return (p_time || 'Z')::timestamptz;
end;
$$;

comment on function inventory.earliest_instant(inventory.iso_time) is
'Parse an ISO 8601 time as the beginning of a period: a date without a time means the first instant of that day.

A time without an offset is in UTC, whatever the time zone of the session is.';
