create or replace function inventory.update_user(
    p_user_id bigint,
    p_role inventory.user_role default null,
    p_is_active boolean default null,
    p_password inventory.password default null,
    p_actor text default null
)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- Hash the password before the lock, because hashing is slow.
    v_hash constant text := case
        when p_password is not null then inventory.new_password_hash(
            (select u.username from store.user_account as u where u.id = p_user_id), p_password
        )
    end;
    v_before store.user_account;
    v_user store.user_account;
begin
    select * into v_before from store.user_account as u where u.id = p_user_id for no key update;
    update store.user_account as u
    set
        role = coalesce(p_role, u.role),
        is_active = coalesce(p_is_active, u.is_active),
        password_hash = coalesce(v_hash, u.password_hash),
        token_version = u.token_version + (v_hash is not null or coalesce(p_role <> u.role, false))::integer,
        updated_at = inventory.clock()
    where u.id = p_user_id
    returning * into v_user;

    if not found then
        raise exception using
            errcode = 'IV016', -- USER_NOT_FOUND
            message = format('User %s does not exist.', coalesce(p_user_id::text, 'null'));
    end if;
    perform inventory.record_change('user', p_user_id::text, to_jsonb(v_before), to_jsonb(v_user), p_actor);
    return inventory.user_info(v_user);
end;
$$;

comment on function inventory.update_user(bigint, inventory.user_role, boolean, inventory.password, text) is
'Change a user''s role or password, or whether the account is active; null leaves a value unchanged.

A change of the password or the role revokes the refresh tokens issued before. The refresh tokens of a disabled user are refused
while the user is disabled. Access tokens stay valid until they expire after a few minutes. Errors: USER_NOT_FOUND; those of
inventory.new_password_hash.';

grant execute on function inventory.update_user(
    bigint, inventory.user_role, boolean, inventory.password, text
) to inventory_admin;
