create or replace function inventory.require_year(p_name text, p_at timestamptz)
returns void
language plpgsql
immutable
as $$
begin
    if p_at < timestamptz '0001-01-01T00:00:00Z' or p_at >= timestamptz '9999-12-31T00:00:00Z' + interval '24 hours' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('%s must be in the years 0001 to 9999', p_name),
            detail = jsonb_build_object('field', p_name, 'input', p_at::text);
    end if;
end;
$$;

comment on function inventory.require_year(text, timestamptz) is
'Refuse a time that an answer could not show: infinity, and years outside of 0001 to 9999. Null is allowed.

For calls over HTTP the type of the argument has checked this already. Errors: 22023 with DETAIL {"field", "input"}.';
