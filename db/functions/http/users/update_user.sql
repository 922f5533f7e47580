create or replace function http.update_user(
    p_id bigint,
    p_role inventory.user_role default null,
    p_is_active boolean default null,
    p_password inventory.password default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant bigint := (inventory.update_user(p_id, p_role, p_is_active, p_password, p_actor)).id;
begin
    return (select u.item from http.user_json as u where u.id = v_id);
end;
$$;

comment on function http.update_user(bigint, inventory.user_role, boolean, inventory.password, text) is
'Change a user''s role or password, or whether the account is active.

A change of the password or the role revokes the refresh tokens issued before. The refresh tokens of a disabled user are refused.

Returns "user_json"
Errors: USER_NOT_FOUND.';

grant execute on function http.update_user(
    bigint, inventory.user_role, boolean, inventory.password, text
) to inventory_admin;
