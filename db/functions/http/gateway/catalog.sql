create or replace function http.catalog()
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_build_object(
        'functions',
        (
            select jsonb_object_agg(
                p.proname,
                jsonb_build_object(
                    'arguments',
                    (
                        select coalesce(
                            jsonb_agg(
                                jsonb_build_object(
                                    'name', p.proargnames[a.position],
                                    'type', format_type(a.type, null),
                                    'required', a.position <= p.pronargs - p.pronargdefaults
                                )
                                order by a.position
                            ),
                            '[]'
                        )
                        from unnest(p.proargtypes::oid []) with ordinality as a (type, position)
                    ),
                    'volatility', p.provolatile,
                    'is_batchable',
                    case p.provolatile when 'v' then p.proname = any(http.batch_functions()) else p.procost <= 100 end,
                    'comment', obj_description(p.oid, 'pg_proc'),
                    'statement', http.statement(p.proname::text),
                    'is_overloaded',
                    exists (
                        select
                        from pg_proc as o
                        where o.pronamespace = p.pronamespace and o.proname = p.proname and o.oid <> p.oid
                    ),
                    'roles',
                    (
                        -- The names that they have where ROLE_PREFIX is not set: the server knows no others.
                        select coalesce(jsonb_agg('inventory_' || substring(r.rolname, '[a-z]+$') order by r.rolname), '[]')
                        from pg_roles as r
                        where
                            r.rolname in (
                                'inventory_public', 'inventory_operator', 'inventory_employee', 'inventory_integration',
                                'inventory_admin'
                            )
                            and has_function_privilege(r.oid, p.oid, 'execute')
                    )
                )
            )
            from pg_proc as p
            where p.pronamespace = 'http'::regnamespace and p.prokind = 'f' and p.prorettype = 'json'::regtype
        ),
        'sketches',
        (
            select jsonb_object_agg(c.relname, obj_description(c.oid, 'pg_class'))
            from pg_class as c
            where c.relnamespace = 'http'::regnamespace and c.relkind = 'v'
        ),
        'composites',
        (
            select jsonb_object_agg(
                format_type(t.oid, null),
                (
                    select jsonb_agg(
                        jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, null))
                        order by a.attnum
                    )
                    from pg_attribute as a
                    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
                )
            )
            from pg_type as t
            inner join pg_class as c on t.typrelid = c.oid and c.relkind = 'c'
            where t.typnamespace = 'inventory'::regnamespace
        ),
        'comments',
        (
            select jsonb_object_agg(format_type(t.oid, null), obj_description(t.oid, 'pg_type'))
            from pg_type as t
            where t.typnamespace = 'inventory'::regnamespace and t.typtype = 'd'
        ),
        'errors',
        (
            select jsonb_object_agg(e.sqlstate, jsonb_build_object('code', e.code, 'meaning', e.meaning))
            from inventory.error_codes() as e
        )
    );
end;
$$;

comment on function http.catalog() is
'The description of the schema http, which the server reads when it starts.

It has the functions with their arguments, comments, statements and the roles that may call them; the comments of the views, with
their sketches; the composite types; the comments of the domains; the error codes.

is_batchable: the function is so short that other calls may wait for it in the same batch. These are the functions that read and
have a cost of at most 100 (the default), and the functions that write and that http.batch can call.';

grant execute on function http.catalog() to inventory_public;
