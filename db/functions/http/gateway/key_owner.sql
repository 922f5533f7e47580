create or replace function http.key_owner(p_caller text)
returns text
language plpgsql
stable
as $$
begin
    return case
        when session_user in ('inventory_public', 'inventory_operator', 'inventory_employee', 'inventory_admin') then 'inventory'
        else session_user
    end || ' ' || p_caller;
end;
$$;

comment on function http.key_owner(text) is
'Whose an Idempotency-Key is: a user''s, whichever of the server''s logins serves him now. Another login''s users are others.';
