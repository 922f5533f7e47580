-- What only a superuser can do, once a database; safe to repeat. db/apply.py runs it before the migrations.
--
-- Roles are the whole of authorization: what a role may do is what it is granted, beside each function in db/functions.
-- inventory_owner owns everything, is no superuser and cannot log in; the others own nothing, can create nothing and
-- reach tables only through the owner's functions and views.

do $$
declare
    v_role text;
begin
    -- Roles belong to the whole server: two databases that are set up at once take turns.
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
            -- A caller that holds a lock too long, or waits too long for one, is stopped and told so.
            execute format('alter role %I set idle_in_transaction_session_timeout = %L', v_role, '60s');
            execute format('alter role %I set search_path = pg_catalog', v_role);
        end if;
    end loop;

    -- Each role may do all that the one before it may.
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
    -- A long report holds a snapshot, and a snapshot makes the hot rows slow.
    alter role inventory_reporting set statement_timeout = '5min';
    alter role inventory_reporting set default_transaction_read_only = on;

    -- The database is the project's: nobody else connects, and nobody makes objects that could shadow its own.
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to inventory_public, inventory_operator, inventory_employee, inventory_admin,'
        ' inventory_worker, inventory_reporting, inventory_maintenance, inventory_owner',
        current_database()
    );
end;
$$;

revoke all on schema public from public;

-- Large objects can be written by everybody, read-only transactions included: nobody needs them here.
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

-- Advisory locks are taken inside the owner's functions. A login that could take one itself could hold up every
-- Idempotency-Key, new location, job of maintenance and db/apply.py for as long as it liked.
do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid from pg_catalog.pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^pg_(try_)?advisory_'
    loop
        execute format('revoke execute on function %s from public', v_function);
        execute format('grant execute on function %s to inventory_owner', v_function);
    end loop;
end;
$$;
grant execute on function pg_catalog.pg_try_advisory_xact_lock(bigint) to inventory_maintenance;

create schema if not exists extensions;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_trgm with schema extensions;

create schema if not exists store authorization inventory_owner;
create schema if not exists inventory authorization inventory_owner;
create schema if not exists http authorization inventory_owner;
create schema if not exists report authorization inventory_owner;
create schema if not exists maintenance authorization inventory_owner;

comment on schema store is 'Tables and constraints. Nobody''s but the owner''s: reach them through the other schemas.';
comment on schema inventory is 'The rules: typed in, typed out. Callable from any SQL client by the roles that have the grant.';
comment on schema http is 'The documents'' JSON: one function an endpoint. No rule stands here.';
comment on schema report is 'Views and functions for reporting tools (role inventory_reporting).';
comment on schema maintenance is 'What DBAs and pg_cron run (role inventory_maintenance).';
comment on schema extensions is 'Extensions'' own functions, for the owner''s functions alone.';

grant usage on schema extensions to inventory_owner;
grant usage on schema http, inventory to inventory_public;
grant usage on schema inventory to inventory_worker;
grant usage on schema report to inventory_reporting;
grant usage on schema maintenance to inventory_maintenance;

-- Without IN SCHEMA: with it, a REVOKE of a built-in default does nothing.
alter default privileges for role inventory_owner revoke execute on functions from public;
alter default privileges for role inventory_owner revoke usage on types from public;
