create or replace function maintenance.user_id(username text)
returns bigint
language plpgsql
stable
as $$
declare
    v_id bigint;
begin
    select u.id into v_id from store.user_account as u where lower(u.username) = lower(user_id.username collate "C");
    if not found then
        raise exception using
            errcode = 'IV016', -- USER_NOT_FOUND
            message = format('User %s does not exist.', coalesce(user_id.username, 'null'));
    end if;
    return v_id;
end;
$$;

comment on function maintenance.user_id(text) is 'The id of the user with this name, ignoring case. Errors: USER_NOT_FOUND.';
