create or replace function http.verify_token()
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return json_build_object();
end;
$$;

comment on function http.verify_token() is
'Verify a token of either type.

The answer is an empty object if the token is valid. The server checks this itself.

Returns {}
Errors: TOKEN_NOT_VALID.';

grant execute on function http.verify_token() to inventory_public;
