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
'The instant that is meant; of a day its last, to the microsecond: up to a day includes that day.';
