create or replace function inventory.refresh_session(p_user_id bigint, p_token_version integer)
returns inventory.user_info
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user store.user_account;
begin
    select * into v_user from store.user_account as u where u.id = p_user_id;
    if v_user.is_active is not true then
        raise exception using
            errcode = 'IV014', -- NO_ACTIVE_ACCOUNT
            message = 'The user of the token is not active.';
    end if;
    if v_user.token_version is distinct from p_token_version then
        raise exception using
            errcode = 'IV015', -- TOKEN_NOT_VALID
            message = 'The password or the role was changed since the token was given.',
            hint = 'Log in again.';
    end if;
    return inventory.user_info(v_user);
end;
$$;

comment on function inventory.refresh_session(bigint, integer) is
'The current state of the user of a refresh token. The caller has checked the signature of the token.

Errors: NO_ACTIVE_ACCOUNT, TOKEN_NOT_VALID.';

grant execute on function inventory.refresh_session(bigint, integer) to inventory_public;
