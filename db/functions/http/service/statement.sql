create or replace function http.statement(p_function text)
returns text
language plpgsql
stable
as $$
declare
    v_function pg_proc;
    v_definitions text;
    v_arguments text;
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
        string_agg(format('%1$I => a.%1$I', v_function.proargnames[a.position]), ', ' order by a.position)
    into v_definitions, v_arguments
    from unnest(v_function.proargtypes::oid []) with ordinality as a (type, position);

    if v_arguments is null then
        return format('select http.%I() from (select $1::jsonb) as a', p_function);
    end if;
    return format('select http.%I(%s) from jsonb_to_record($1::jsonb) as a (%s)', p_function, v_arguments, v_definitions);
end;
$$;

comment on function http.statement(text) is
'The statement that calls http.<p_function> with named arguments taken from one jsonb object, $1.

An argument that the object leaves out is null. The server prepares it; http.once executes it.';
