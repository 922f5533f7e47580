create or replace function inventory.require_period(p_from timestamptz, p_to timestamptz)
returns void
language plpgsql
immutable
as $$
begin
    perform inventory.require_argument('from', p_from is null);
    perform inventory.require_argument('to', p_to is null);
    if p_from > p_to then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'p_from must not be after p_to',
            detail = jsonb_build_object('field', 'from', 'input', p_from);
    end if;
end;
$$;

comment on function inventory.require_period(timestamptz, timestamptz) is
'Refuse a period whose beginning or end is null, or that ends before it begins. Errors: 22004, 22023.';
