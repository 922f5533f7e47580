create or replace function http.session_json(p_user inventory.user_info)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'user_id', p_user.id,
        'username', p_user.username,
        'role', p_user.role,
        'version', p_user.token_version,
        'issued_at', floor(extract(epoch from inventory.clock())),
        'jti', replace(gen_random_uuid()::text, '-', '')
    );
end;
$$;

comment on function http.session_json(inventory.user_info) is
'The user data in a token. The server signs it. A replayed answer is signed again and gives the same token.';
