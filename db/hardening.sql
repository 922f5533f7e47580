-- Takes away rights that no role of the project needs and an attacker could use: attributes of the roles, the schema public,
-- large objects, advisory locks. db/apply.py runs this file after init.sql. It can be run again at any time. Some steps may need
-- a superuser. If the current user may not do such a step, and it was not done before, the step is skipped, and a warning says
-- what remains possible.

do $$
declare
    v_role text;
begin
    for v_role in
        select r.rolname
        from pg_catalog.pg_roles as r
        where
            r.rolname in (
                'inventory_owner', 'inventory_public', 'inventory_operator', 'inventory_employee', 'inventory_integration',
                'inventory_admin', 'inventory_worker', 'inventory_reporting', 'inventory_maintenance'
            )
            and (r.rolsuper or r.rolcreatedb or r.rolcreaterole or r.rolreplication or r.rolbypassrls)
    loop
        begin
            execute format('alter role %I nosuperuser nocreatedb nocreaterole noreplication nobypassrls', v_role);
        exception
            when insufficient_privilege then
                raise warning 'The role % keeps an attribute that it should not have: it can do more than its grants say.', v_role
                    using hint = 'See \du in psql. A superuser can take it away.';
        end;
    end loop;
end;
$$;

do $$
declare
    v_owner oid;
begin
    select n.nspowner into v_owner from pg_catalog.pg_namespace as n where n.nspname = 'public';
    if v_owner is null then
        return;
    end if;
    if pg_has_role(v_owner, 'usage') then
        revoke all on schema public from public;
    elsif has_schema_privilege('public', 'public', 'usage') or has_schema_privilege('public', 'public', 'create') then
        raise warning 'The schema public stays open to every role that can connect. No function of this project uses it.'
            using hint = 'As its owner: revoke all on schema public from public.';
    end if;
end;
$$;

-- By default every role may write large objects, even in a read-only transaction. The project does not use them.
do $$
declare
    v_function regprocedure;
    v_owner oid;
    v_is_left boolean := false;
begin
    for v_function, v_owner in
        select p.oid, p.proowner
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'pg_catalog'::regnamespace
            and p.proname ~ '^(lo_.*|loread|lowrite)$'
            and has_function_privilege('public', p.oid, 'execute')
    loop
        if pg_has_role(v_owner, 'usage') then
            execute format('revoke execute on function %s from public', v_function);
        else
            v_is_left := true;
        end if;
    end loop;
    if v_is_left then
        raise warning 'Every login of this database, also a reporting one, can write large objects and so fill the disk.'
            using hint = 'As a superuser run db/hardening.sql.';
    end if;
end;
$$;

-- The owner's functions take advisory locks. A role that could take them directly could block requests with an
-- Idempotency-Key, new locations, maintenance jobs and db/apply.py for as long as it wanted.
do $$
declare
    v_function regprocedure;
    v_owner oid;
    v_is_left boolean := false;
begin
    for v_function, v_owner in
        select p.oid, p.proowner
        from pg_catalog.pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^pg_(try_)?advisory_'
    loop
        if pg_has_role(v_owner, 'usage') then
            -- inventory_maintenance had one of them in earlier releases.
            execute format('revoke execute on function %s from public, inventory_maintenance', v_function);
            execute format('grant execute on function %s to inventory_owner', v_function);
        elsif has_function_privilege('public', v_function, 'execute') then
            v_is_left := true;
        elsif not has_function_privilege('inventory_owner', v_function, 'execute') then
            raise exception 'inventory_owner may not execute %.', v_function
                using errcode = 'insufficient_privilege', hint = 'As a superuser run db/hardening.sql.';
        end if;
    end loop;
    if v_is_left then
        raise warning 'Every login of this database can take advisory locks, and so block requests with an Idempotency-Key, new'
            ' locations, jobs and db.apply until its session ends.'
            using hint = 'As a superuser run db/hardening.sql. Or end such a session with pg_terminate_backend.';
    end if;
end;
$$;
