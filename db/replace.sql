-- The helpers with which db/apply.py replaces functions and views, and a printed script applies migrations. They live as long as
-- the session. What they drop they say with RAISE INFO.

-- Notes what is there before the first file: p_schemas are the project's, p_views the views that have a file (schema.name).
create or replace function pg_temp.begin_replacement(p_schemas text[], p_views text[])
returns void
language plpgsql
as $$
begin
    perform
        set_config('db_apply.schemas', p_schemas::text, false),
        set_config('db_apply.views', p_views::text, false),
        set_config(
            'db_apply.routines',
            (
                select coalesce(array_agg(p.oid), '{}')::text
                from pg_proc as p
                where p.pronamespace::regnamespace::text = any(p_schemas)
            ),
            false
        );
end;
$$;

-- Drops the views that have no file any more. They must go before the functions that they call. Not earlier: until the commit,
-- calls wait for these locks.
create or replace function pg_temp.drop_old_views()
returns void
language plpgsql
as $$
declare
    v_view text;
begin
    for v_view in
        select format('%I.%I', v.schemaname, v.viewname)
        from pg_views as v
        where
            v.schemaname = any(current_setting('db_apply.schemas')::text[])
            and v.schemaname || '.' || v.viewname <> all(current_setting('db_apply.views')::text[])
    loop
        raise info 'dropping view %: it has no file', v_view;
        execute 'drop view ' || v_view;
    end loop;
end;
$$;

create or replace function pg_temp.drop_routine(p_oid oid, p_reason text)
returns void
language plpgsql
as $$
declare
    v_signature constant text := p_oid::regprocedure;
begin
    raise info 'dropping %: %', v_signature, p_reason;
    execute 'drop routine ' || v_signature;
end;
$$;

create or replace function pg_temp.replace_routine(p_schema text, p_name text, p_file text)
returns void
language plpgsql
as $$
begin
    begin
        execute p_file;
        return;
    exception
        -- CREATE OR REPLACE cannot change the result type or the name of an argument.
        when invalid_function_definition then
            perform pg_temp.drop_old_views();
    end;
    perform pg_temp.drop_routine(p.oid, 'its definition changed')
    from pg_proc as p
    where p.pronamespace = p_schema::regnamespace and p.proname = p_name;
    execute p_file;
end;
$$;

-- Drops the functions that have no file any more, and those whose arguments changed. p_files: schema.name.
create or replace function pg_temp.finish_routines(p_files text[])
returns void
language plpgsql
as $$
declare
    v_before constant oid [] := current_setting('db_apply.routines')::oid[];
    v_name text;
    v_oids oid [];
begin
    perform pg_temp.drop_old_views();
    for v_name, v_oids in
        select p.pronamespace::regnamespace || '.' || p.proname, array_agg(p.oid)
        from pg_proc as p
        where p.pronamespace::regnamespace::text = any(current_setting('db_apply.schemas')::text[])
        group by 1
    loop
        if v_name <> all(p_files) then
            perform pg_temp.drop_routine(o.oid, 'it has no file') from unnest(v_oids) as o (oid);
        elsif cardinality(v_oids) > 1 and v_oids <@ v_before then
            raise exception '% is overloaded by hand: %. Drop the wrong one.', v_name, v_oids::regprocedure[]
                using errcode = 'ambiguous_function';
        elsif cardinality(v_oids) > 1 then
            perform pg_temp.drop_routine(o.oid, 'its arguments changed')
            from unnest(v_oids) as o (oid)
            where o.oid = any(v_before);
        end if;
    end loop;

    p_files := array(
        select f.name
        from unnest(p_files) as f (name)
        where not exists (select from pg_proc as p where p.pronamespace::regnamespace || '.' || p.proname = f.name)
    );
    if p_files <> '{}' then
        raise exception 'These files do not define the function that they are named after: %.', p_files
            using errcode = 'undefined_function';
    end if;
end;
$$;

create or replace function pg_temp.replace_view(p_schema text, p_name text, p_file text)
returns void
language plpgsql
as $$
begin
    execute p_file;
exception
    -- CREATE OR REPLACE can only add columns at the end: not drop, rename, retype or reorder them.
    when invalid_table_definition then
        raise info 'dropping view %.%: its columns changed', p_schema, p_name;
        execute format('drop view %I.%I', p_schema, p_name);
        execute p_file;
end;
$$;

-- Applies a migration that is not recorded yet, and records it as yoyo-migrations does.
create or replace function pg_temp.migrate(p_name text, p_file text)
returns void
language plpgsql
set search_path = store
as $$
declare
    v_hash constant text := encode(sha256(convert_to(p_name, 'UTF8')), 'hex');
begin
    if exists (select from store._yoyo_migration as y where y.migration_hash = v_hash) then
        return;
    end if;
    raise info 'migration %', p_name;
    execute p_file;
    insert into store._yoyo_migration (migration_hash, migration_id, applied_at_utc)
    values (v_hash, p_name, clock_timestamp() at time zone 'UTC');
    insert into store._yoyo_log (id, migration_hash, migration_id, operation, username, created_at_utc)
    values (gen_random_uuid()::text, v_hash, p_name, 'apply', session_user, clock_timestamp() at time zone 'UTC');
end;
$$;
