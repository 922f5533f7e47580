create or replace function http.key_owner(p_caller text)
returns text
language sql
stable
as $$
select
    case
        when session_user in ('inventory_public', 'inventory_operator', 'inventory_employee', 'inventory_admin') then 'inventory'
        else session_user
    end || ' ' || p_caller;
$$;

comment on function http.key_owner(text) is
'The owner of an Idempotency-Key: the user p_caller, no matter which of the server''s four logins makes the call.

The callers of any other login are different owners.';
