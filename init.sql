-- The part of the set-up that needs a superuser. db/apply.py runs it before the migrations; it is safe to repeat.
--
-- Authorization is done with roles alone: each file in db/functions ends with the grants of its function.
-- inventory_owner owns all objects, is not a superuser and cannot log in. The other roles own nothing, cannot create
-- anything, and reach the tables only through the owner's functions and views.

do $$
declare
    v_role text;
begin
    -- Roles are shared by all databases of a cluster: this lock lets two set-ups at the same time take turns.
    lock table pg_catalog.pg_authid in share row exclusive mode;

    foreach v_role in array array[
        'inventory_owner', 'inventory_public', 'inventory_operator', 'inventory_employee',
        'inventory_admin', 'inventory_worker', 'inventory_reporting', 'inventory_maintenance'
    ]
    loop
        if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
            execute format('create role %I', v_role);
        end if;
        if v_role = 'inventory_owner' then
            execute format('alter role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls', v_role);
        else
            execute format('alter role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', v_role);
            -- End a session that holds its locks without doing anything.
            execute format('alter role %I set idle_in_transaction_session_timeout = %L', v_role, '60s');
            execute format('alter role %I set search_path = pg_catalog', v_role);
        end if;
    end loop;

    -- Each role inherits the rights of the role before it.
    grant inventory_public to inventory_operator;
    grant inventory_operator to inventory_employee;
    grant inventory_employee to inventory_admin;

    foreach v_role in array array[
        'inventory_public', 'inventory_operator', 'inventory_employee', 'inventory_admin', 'inventory_worker'
    ]
    loop
        execute format('alter role %I set statement_timeout = %L', v_role, '10s');
        execute format('alter role %I set lock_timeout = %L', v_role, '5s');
    end loop;
    -- A long report holds back vacuum with its snapshot, and frequently updated rows become slow.
    alter role inventory_reporting set statement_timeout = '5min';
    alter role inventory_reporting set default_transaction_read_only = on;

    -- No other role may connect, or create objects that could shadow those of the project.
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to inventory_public, inventory_operator, inventory_employee, inventory_admin,'
        ' inventory_worker, inventory_reporting, inventory_maintenance, inventory_owner',
        current_database()
    );
end;
$$;

revoke all on schema public from public;

-- By default every role may write large objects, even in a read-only transaction. The project does not use them.
do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid from pg_catalog.pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^(lo_.*|loread|lowrite)$'
    loop
        execute format('revoke execute on function %s from public', v_function);
    end loop;
end;
$$;

-- The owner's functions take advisory locks. A role that could take them directly could block requests with an
-- Idempotency-Key, new locations, maintenance jobs and db/apply.py for as long as it wanted.
do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid from pg_catalog.pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^pg_(try_)?advisory_'
    loop
        -- inventory_maintenance had one of them in earlier releases.
        execute format('revoke execute on function %s from public, inventory_maintenance', v_function);
        execute format('grant execute on function %s to inventory_owner', v_function);
    end loop;
end;
$$;

create schema if not exists extensions;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_trgm with schema extensions;

create schema if not exists store authorization inventory_owner;
create schema if not exists inventory authorization inventory_owner;
create schema if not exists http authorization inventory_owner;
create schema if not exists report authorization inventory_owner;
create schema if not exists maintenance authorization inventory_owner;

comment on schema store is 'Tables and constraints, for the owner alone. Use the functions of the other schemas.';
comment on schema inventory is 'The rules, as functions with typed arguments and results. A role may call those it is granted.';
comment on schema http is 'One function per HTTP endpoint, which takes and returns JSON. It contains no rules.';
comment on schema report is 'Views and functions for reporting tools (role inventory_reporting).';
comment on schema maintenance is 'Functions and procedures for DBAs and pg_cron (role inventory_maintenance).';
comment on schema extensions is 'The functions of extensions, used only by the owner''s functions.';

grant usage on schema extensions to inventory_owner;
grant usage on schema http, inventory to inventory_public;
grant usage on schema inventory to inventory_worker;
grant usage on schema report to inventory_reporting;
grant usage on schema maintenance to inventory_maintenance, inventory_worker;

-- Without IN SCHEMA: with it, a REVOKE of a built-in default does nothing.
alter default privileges for role inventory_owner revoke execute on functions from public;
alter default privileges for role inventory_owner revoke usage on types from public;
