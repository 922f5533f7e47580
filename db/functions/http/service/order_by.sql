create or replace function http.order_by(p_ordering text, p_columns jsonb, p_default text)
returns text
language plpgsql
immutable
parallel safe
as $$
declare
    v_terms text;
    v_last text;
begin
    select
        string_agg(f.expression || f.direction, ', ' order by f.position),
        (array_agg(f.direction order by f.position desc))[1]
    into v_terms, v_last
    from (
        select
            p_columns ->> ltrim(trim(t.term), '-') as expression,
            case when trim(t.term) like '-%' then ' desc' else '' end as direction,
            t.position
        from regexp_split_to_table(coalesce(p_ordering, p_default), ',') with ordinality as t (term, position)
        where trim(t.term) ~ '^-?[a-z_]+$'
    ) as f
    where f.expression is not null;

    if v_terms is null then
        return http.order_by(p_default, p_columns, 'id');
    end if;
    -- Sort equal rows by id, so that each row is on exactly one page.
    return v_terms || ', m.id' || v_last;
end;
$$;

comment on function http.order_by(text, jsonb, text) is
'Translate the parameter ordering of API 5 into ORDER BY terms.

The parameter has fields separated by commas; a - before a field sorts in descending order. p_columns: the SQL expression of each
field, with columns of m. Other fields are ignored; if no field is left, p_default is used.';
