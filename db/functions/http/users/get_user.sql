create or replace function http.get_user(p_id bigint)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user json;
begin
    select u.item into v_user from http.user_json as u where u.id = p_id;
    if not found then
        raise exception using
            errcode = 'IV016', -- USER_NOT_FOUND
            message = format('User %s does not exist.', coalesce(p_id::text, 'null'));
    end if;
    return v_user;
end;
$$;

comment on function http.get_user(bigint) is
'Show a user.

Returns "user_json"
Errors: USER_NOT_FOUND.';

grant execute on function http.get_user(bigint) to inventory_admin;
