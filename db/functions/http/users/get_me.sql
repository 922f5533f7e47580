create or replace function http.get_me(p_actor text default null)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return json_build_object(
        'username', nullif(p_actor, 'anonymous'),
        'role', substring(session_user, '[a-z]+$'), -- after any ROLE_PREFIX
        'may',
        (
            select json_agg(p.proname order by p.proname)
            from pg_proc as p
            where
                p.pronamespace = 'http'::regnamespace
                and p.prorettype = 'json'::regtype
                and p.proname not in ('figures', 'ready') -- the server's own
                and has_function_privilege(session_user, p.oid, 'execute')
        )
    );
end;
$$;

comment on function http.get_me(text) is
'Show who calls, and what the caller may call.

username: the name of the user; null without a token. role: the role that the call has. may: the endpoints by the names of their
functions, in order. The function has the name of the operation in this document, with two exceptions: replace_x and update_x call
update_x, and delete_catalog_product calls delete_product.

Returns {"username": "username?", "role": "public|operator|employee|integration|admin", "may": ["text"]}';

grant execute on function http.get_me(text) to inventory_public;
