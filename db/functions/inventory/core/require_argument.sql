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
'Refuse a call that leaves out a required argument, before a table''s constraint does: its DETAIL would hold the whole row.

Over HTTP the server has seen to it. Errors: 22004 with DETAIL {"field"}.';
