create or replace function http.may_call(p_function text)
returns boolean
language plpgsql
stable
as $$
begin
    return (
        select bool_and(has_function_privilege(session_user, p.oid, 'execute'))
        from pg_proc as p
        where p.pronamespace = 'http'::regnamespace and p.proname = p_function
    );
end;
$$;

comment on function http.may_call(text) is
'Whether the role that is logged in may call http.<p_function>; null if there is no such function.

Functions that run as the owner and call other functions by name use it.';
