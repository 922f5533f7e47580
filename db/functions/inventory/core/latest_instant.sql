create or replace function inventory.latest_instant(p_time inventory.iso_time)
returns timestamptz
language plpgsql
immutable
parallel safe
as $$
begin
    return inventory.earliest_instant(p_time)
        + case when length(p_time) = 10 then interval '24 hours' - interval '1 microsecond' else interval '0' end;
end;
$$;

comment on function inventory.latest_instant(inventory.iso_time) is
'Parse an ISO 8601 time as the end of a period: a date without a time means the last microsecond of that day, so that the period
includes the day.';
