create or replace function http.refresh_token(p_user_id bigint, p_token_version integer)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return http.session_json(inventory.refresh_session(p_user_id, p_token_version));
end;
$$;

comment on function http.refresh_token(bigint, integer) is
'Get a new access token for a refresh token.

The refresh token is refused if the user is disabled, or if the password or the role has changed since it was issued.

Returns {"access": "text"}
Errors: NO_ACTIVE_ACCOUNT, TOKEN_NOT_VALID.';

grant execute on function http.refresh_token(bigint, integer) to inventory_public;
