-- The set-up that everything else needs: roles, schemas, extensions, default privileges. db/apply.py runs it before the
-- migrations; it is safe to repeat. It takes a superuser, or the database's owner with CREATEROLE. What only a superuser may do
-- is in db/hardening.sql.
--
-- Authorization is done with roles alone: each file in db/functions ends with the grants of its function.
-- inventory_owner owns all objects, is not a superuser and cannot log in. The other roles own nothing, cannot create
-- anything, and reach the tables only through the owner's functions and views.
--
-- Here and in all other files the roles' names begin with inventory. db/apply.py puts ROLE_PREFIX in its place.

do $$
begin
    if current_setting('server_version_num')::integer < 150000 then
        raise exception 'PostgreSQL 15 or later is needed; this is %.', current_setting('server_version')
            using errcode = 'feature_not_supported';
    end if;
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception 'The database''s encoding must be UTF8.' using errcode = 'feature_not_supported';
    end if;
    if to_regcollation('pg_catalog."und-x-icu"') is null then
        raise exception 'This PostgreSQL has no collation und-x-icu. It must be one that was built with ICU.'
            using errcode = 'feature_not_supported';
    end if;
    if not exists (
        select
        from pg_catalog.pg_database as d
        where d.datname = current_database() and pg_has_role(d.datdba, 'usage')
    ) then
        raise exception 'The database must belong to % (or % must be a superuser).', current_user, current_user
            using errcode = 'insufficient_privilege';
    end if;
    if exists (
        select
        from pg_catalog.pg_namespace as n
        inner join pg_catalog.pg_roles as r on n.nspowner = r.oid
        where n.nspname = 'store' and r.rolname <> 'inventory_owner'
    ) then
        raise exception 'The schema store belongs to %, not to inventory_owner: is this another ROLE_PREFIX?',
            (select n.nspowner::regrole from pg_catalog.pg_namespace as n where n.nspname = 'store')
            using errcode = 'object_not_in_prerequisite_state';
    end if;
end;
$$;

-- PostgreSQL 16 and later let a role with CREATEROLE change only the roles that it made itself. So nothing is changed that
-- is as it should be: a superuser may have made the roles.
do $$
declare
    v_is_superuser constant boolean := current_setting('is_superuser')::boolean;
    v_role text;
    v_group text;
    v_setting text;
    v_value text;
begin
    -- Roles are shared by all databases of a cluster: this lock lets two set-ups at the same time take turns. Others than a
    -- superuser may not take it; db/apply.py repeats a set-up that another one disturbed.
    if v_is_superuser then
        lock table pg_catalog.pg_authid in share row exclusive mode;
    end if;

    foreach v_role in array array[
        'inventory_owner', 'inventory_public', 'inventory_operator', 'inventory_employee', 'inventory_integration',
        'inventory_admin', 'inventory_worker', 'inventory_reporting', 'inventory_maintenance'
    ]
    loop
        if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
            execute format('create role %I', v_role);
        end if;
        if v_role = 'inventory_owner' and exists (select from pg_catalog.pg_roles where rolname = v_role and rolcanlogin) then
            execute format('alter role %I nologin', v_role);
        elsif v_role <> 'inventory_owner' and exists (select from pg_catalog.pg_roles where rolname = v_role and not rolcanlogin)
        then
            execute format('alter role %I login', v_role);
        end if;
    end loop;

    -- Roles inherit rights: operator, employee and admin each those of the one before, integration those of public.
    for v_group, v_role in
        select i.role, i.member
        from (
            values
            ('inventory_public', 'inventory_operator'),
            ('inventory_operator', 'inventory_employee'),
            ('inventory_employee', 'inventory_admin'),
            ('inventory_public', 'inventory_integration'),
            ('inventory_integration', 'inventory_admin')
        ) as i (role, member)
        where not exists (
            select
            from pg_catalog.pg_auth_members as m
            where m.roleid = i.role::regrole and m.member = i.member::regrole
        )
    loop
        execute format('grant %I to %I', v_group, v_role);
    end loop;

    for v_role, v_setting, v_value in
        select r.role, s.name, s.value
        from unnest(
            '{inventory_public,inventory_operator,inventory_employee,inventory_integration,inventory_admin,inventory_worker,inventory_reporting,'
            'inventory_maintenance}'::text[]
        ) as r (role)
        cross join (
            values
            -- End a session that holds its locks without doing anything.
            ('', 'idle_in_transaction_session_timeout', '60s'),
            ('', 'search_path', 'pg_catalog'),
            ('_(public|operator|employee|integration|admin|worker)$', 'statement_timeout', '10s'),
            ('_(public|operator|employee|integration|admin|worker)$', 'lock_timeout', '5s'),
            -- A long report holds back vacuum with its snapshot, and frequently updated rows become slow.
            ('_reporting$', 'statement_timeout', '5min'),
            ('_reporting$', 'default_transaction_read_only', 'on')
        ) as s (roles, name, value)
        where r.role ~ s.roles and not exists (
            select
            from pg_catalog.pg_db_role_setting as d
            where d.setrole = r.role::regrole and d.setdatabase = 0 and s.name || '=' || s.value = any(d.setconfig)
        )
    loop
        execute format('alter role %I set %I = %L', v_role, v_setting, v_value);
    end loop;

    -- Who is not a superuser must be able to become the owner.
    if not v_is_superuser then
        begin
            if current_setting('server_version_num')::integer < 160000 then
                if not pg_has_role('inventory_owner', 'usage') then
                    execute format('grant inventory_owner to %I', current_user);
                end if;
            elsif not (pg_has_role('inventory_owner', 'usage') and pg_has_role('inventory_owner', 'set')) then
                execute format('grant inventory_owner to %I with inherit true, set true', current_user);
            end if;
        exception
            when insufficient_privilege then
                raise exception '% must be a member of inventory_owner, which another role made.', current_user
                    using
                        errcode = 'insufficient_privilege',
                        hint = format(
                            'As a superuser: grant inventory_owner to %I with inherit true, set true (before PostgreSQL 16'
                            ' without the options).', current_user
                        );
        end;
    end if;

    -- No other role may connect.
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to inventory_public, inventory_operator, inventory_employee, inventory_integration,'
        ' inventory_admin, inventory_worker, inventory_reporting, inventory_maintenance, inventory_owner',
        current_database()
    );
end;
$$;

create schema if not exists extensions;

-- Both are trusted: the database's owner may create them.
do $$
declare
    v_extension text;
    v_schema text;
begin
    foreach v_extension in array '{pgcrypto,pg_trgm}'::text[]
    loop
        v_schema := (
            select n.nspname
            from pg_catalog.pg_extension as e
            inner join pg_catalog.pg_namespace as n on e.extnamespace = n.oid
            where e.extname = v_extension
        );
        if v_schema is null then
            execute format('create extension %I with schema extensions', v_extension);
        elsif v_schema <> 'extensions' then
            raise exception 'The extension % is in the schema %, and must be in the schema extensions.', v_extension, v_schema
                using
                    errcode = 'object_not_in_prerequisite_state',
                    hint = format('alter extension %I set schema extensions', v_extension);
        end if;
    end loop;
    -- The schema may have been there before, and be another role's.
    if exists (
        select from pg_catalog.pg_namespace as n where n.nspname = 'extensions' and pg_has_role(n.nspowner, 'usage')
    ) then
        comment on schema extensions is 'The functions of extensions, used only by the owner''s functions.';
    end if;
    if not has_schema_privilege('inventory_owner', 'extensions', 'usage') then
        grant usage on schema extensions to inventory_owner;
    end if;
end;
$$;

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

grant usage on schema http, inventory to inventory_public;
grant usage on schema inventory to inventory_worker;
grant usage on schema report to inventory_reporting;
grant usage on schema maintenance to inventory_maintenance, inventory_worker;

-- Without IN SCHEMA: with it, a REVOKE of a built-in default does nothing.
alter default privileges for role inventory_owner revoke execute on functions from public;
alter default privileges for role inventory_owner revoke usage on types from public;
