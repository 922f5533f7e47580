create or replace function inventory.create_user(
    p_username inventory.username,
    p_password inventory.password,
    p_role inventory.user_role,
    p_actor text default null
)
returns inventory.user_info
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_user store.user_account;
begin
    perform inventory.require_argument('username', p_username is null);
    perform inventory.require_argument('password', p_password is null);
    perform inventory.require_argument('role', p_role is null);

    insert into store.user_account (username, password_hash, role, created_at, updated_at)
    values (
        p_username,
        inventory.new_password_hash(p_username, p_password),
        p_role,
        v_now,
        v_now
    )
    on conflict (lower(username)) do nothing
    returning * into v_user;

    if not found then
        raise exception using
            errcode = 'IV017', -- DUPLICATE_USERNAME
            message = 'A user with that username already exists.',
            detail = jsonb_build_object('field', 'username');
    end if;
    perform inventory.record_change('user', v_user.id::text, null, to_jsonb(v_user), p_actor);
    return inventory.user_info(v_user);
end;
$$;

comment on function inventory.create_user(inventory.username, inventory.password, inventory.user_role, text) is
'Create a user who may log in over HTTP with one of the roles operator, employee, admin. Names are case-insensitive.

Only a bcrypt hash of the password is stored. Errors: DUPLICATE_USERNAME; those of inventory.new_password_hash.';

grant execute on function inventory.create_user(
    inventory.username, inventory.password, inventory.user_role, text
) to inventory_admin;
