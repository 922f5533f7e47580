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
'The instant that is meant; of a day its first. Without an offset it is UTC, whatever the session''s time zone.';
