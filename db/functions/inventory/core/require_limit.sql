create or replace function inventory.require_limit(p_limit integer)
returns void
language plpgsql
immutable
as $$
begin
    perform inventory.require_argument('limit', p_limit is null);
    if p_limit < 0 then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'p_limit must not be negative',
            detail = jsonb_build_object('field', 'limit', 'input', p_limit);
    end if;
end;
$$;

comment on function inventory.require_limit(integer) is
'Refuse a limit that is null or negative. Errors: 22004, 22023.';
