create or replace function http.page_json(p_count bigint, p_next text, p_previous text, p_results json)
returns json
language plpgsql
immutable
parallel safe
as $$
begin
    return json_build_object(
        'count', p_count, 'next', p_next, 'previous', p_previous, 'results', coalesce(p_results, '[]')
    );
end;
$$;

comment on function http.page_json(bigint, text, text, json) is
'A page of a list as API 5 shows it: see http.page.';
