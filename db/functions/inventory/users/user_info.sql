create or replace function inventory.user_info(p_user store.user_account)
returns inventory.user_info
language plpgsql
immutable
as $$
begin
    return row(
        p_user.id, p_user.username, p_user.role, p_user.is_active, p_user.token_version, p_user.created_at, p_user.updated_at
    )::inventory.user_info;
end;
$$;

comment on function inventory.user_info(store.user_account) is 'A user without the password''s hash.';
