create or replace function http.page_json(
    p_url text,
    p_page bigint,
    p_page_size integer,
    p_count bigint,
    p_results json
)
returns json
language plpgsql
immutable
parallel safe
as $$
begin
    return json_build_object(
        'count', p_count,
        'next', case when p_page * p_page_size < p_count then http.page_link(p_url, p_page + 1) end,
        'previous', case when p_page > 1 then http.page_link(p_url, p_page - 1) end,
        'results', coalesce(p_results, '[]')
    );
end;
$$;

comment on function http.page_json(text, bigint, integer, bigint, json) is
'A page of a list as API 5 shows it, with absolute links to its neighbours.';
