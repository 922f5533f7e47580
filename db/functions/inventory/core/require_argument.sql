create or replace function inventory.require_argument(p_name text, p_is_null boolean)
returns void
language plpgsql
immutable
as $$
begin
    if p_is_null then
        raise exception using
            errcode = 'null_value_not_allowed',
            message = format('%s is required', p_name),
            detail = jsonb_build_object('field', p_name);
    end if;
end;
$$;

comment on function inventory.require_argument(text, boolean) is
'Refuse a call that leaves out a required argument. If a constraint of a table refused it, the DETAIL would show the whole row.

For calls over HTTP the server has checked this already. Errors: 22004 with DETAIL {"field"}.';
