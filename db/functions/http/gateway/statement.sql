create or replace function http.statement(p_function text)
returns text
language plpgsql
stable
as $$
declare
    v_function pg_proc;
    v_definitions text;
    v_arguments text;
    v_scalars text;
    v_are_scalars boolean;
begin
    select * into v_function
    from pg_proc as p
    where p.pronamespace = 'http'::regnamespace and p.proname = p_function;
    if not found then
        raise exception using
            errcode = 'undefined_function',
            message = format('There is no function http.%I.', p_function);
    end if;

    select
        string_agg(format('%I %s', v_function.proargnames[a.position], format_type(a.type, null)), ', ' order by a.position),
        string_agg(format('%1$I => a.%1$I', v_function.proargnames[a.position]), ', ' order by a.position),
        string_agg(
            format('%1$I => ($1::jsonb ->> %1$L)::%2$s', v_function.proargnames[a.position], format_type(a.type, null)),
            ', ' order by a.position
        ),
        bool_and(t.typcategory not in ('A', 'C') and t.typname not in ('json', 'jsonb'))
    into v_definitions, v_arguments, v_scalars, v_are_scalars
    from unnest(v_function.proargtypes::oid []) with ordinality as a (type, position)
    inner join pg_type as t on a.type = t.oid;

    if v_arguments is null then
        return format('select http.%I() from (select $1::jsonb) as a', p_function);
    end if;
    if v_are_scalars then
        -- This is faster than expanding a record.
        return format('select http.%I(%s)', p_function, v_scalars);
    end if;
    return format('select http.%I(%s) from jsonb_to_record($1::jsonb) as a (%s)', p_function, v_arguments, v_definitions);
end;
$$;

comment on function http.statement(text) is
'The text of a statement that calls http.<p_function> with named arguments from one jsonb object, $1.

An argument that is missing in the object is null. The server prepares the statement; http.once executes it.';
