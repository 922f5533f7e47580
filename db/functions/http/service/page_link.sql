create or replace function http.page_link(p_url text, p_page bigint)
returns text
language plpgsql
immutable
parallel safe
as $$
declare
    v_base constant text := split_part(p_url, '?', 1);
    v_query text;
begin
    select string_agg(q.parameter, '&' order by q.position) into v_query
    from (
        select u.parameter, u.position
        from unnest(string_to_array(substr(p_url, length(v_base) + 2), '&')) with ordinality as u (parameter, position)
        where u.parameter <> '' and u.parameter !~ '^page(=|$)'
        union all
        select 'page=' || p_page, 1000000
        where p_page > 1
    ) as q;
    return v_base || coalesce('?' || v_query, '');
end;
$$;

comment on function http.page_link(text, bigint) is
'The address of another page of the list at p_url (absolute): all its other parameters stay; page 1 needs none.';
