create or replace function http.user_json(p_user inventory.user_info)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'id', p_user.id,
        'username', p_user.username,
        'role', p_user.role,
        'is_active', p_user.is_active,
        'created_at', http.instant(p_user.created_at),
        'updated_at', http.instant(p_user.updated_at)
    );
end;
$$;

comment on function http.user_json(inventory.user_info) is 'A user as /api/v1/users/ shows it.';
