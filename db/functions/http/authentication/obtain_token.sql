create or replace function http.obtain_token(p_username text, p_password text)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return http.session_json(inventory.authenticate(p_username, p_password));
end;
$$;

comment on function http.obtain_token(text, text) is
'Log in: get an access and a refresh token.

The access token lasts 5 minutes and serves all five APIs: Authorization: Bearer <access>. The refresh token lasts a day.

Returns {"access": "text", "refresh": "text"}
Errors: NO_ACTIVE_ACCOUNT.';

grant execute on function http.obtain_token(text, text) to inventory_public;
