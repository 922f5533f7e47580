create or replace function inventory.authenticate(p_username text, p_password text)
returns inventory.user_info
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- For an unknown user compare with a fixed hash, so that the answer takes as long as for a wrong password.
    v_nobody constant text := (
        select '$2a$' || lpad(s.password_cost::text, 2, '0') || '$' || repeat('.', 53) from store.setting as s
    );
    v_password constant text := inventory.opened_password(p_password);
    v_user store.user_account;
    v_matches boolean := false;
begin
    select * into v_user from store.user_account as u where lower(u.username) = lower(p_username collate "C");
    if length(v_password) between 1 and 1024 then
        v_matches := inventory.hash_password(v_password, coalesce(v_user.password_hash, v_nobody)) = v_user.password_hash;
    end if;
    if v_matches and v_user.is_active then
        return inventory.user_info(v_user);
    end if;
    raise exception using
        errcode = 'IV014', -- NO_ACTIVE_ACCOUNT
        message = 'No active user has this name and password.';
end;
$$;

comment on function inventory.authenticate(text, text) is
'The active user with this name and password, which may be sealed (inventory.password_key).

An unknown user, a disabled user and a wrong password lead to the same error, after the same time.

Errors: NO_ACTIVE_ACCOUNT; 55000 if the key of a sealed password is no longer kept.';

grant execute on function inventory.authenticate(text, text) to inventory_public;
