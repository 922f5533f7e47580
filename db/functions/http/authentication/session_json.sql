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
'What a token says of its user. The server signs it; an answer that is given again is signed to the same token.';
