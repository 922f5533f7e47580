create or replace function inventory.require_time_zone(p_time_zone inventory.time_zone)
returns void
language plpgsql
stable
as $$
begin
    perform timestamptz 'epoch' at time zone p_time_zone;
exception
    when invalid_parameter_value then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('there is no time zone %s', p_time_zone),
            detail = jsonb_build_object('field', 'timezone', 'input', p_time_zone);
end;
$$;

comment on function inventory.require_time_zone(inventory.time_zone) is
'Refuse a time zone that PostgreSQL does not know. Errors: 22023 with DETAIL {"field", "input"}.';
