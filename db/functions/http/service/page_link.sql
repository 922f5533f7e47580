create or replace function http.page_link(p_url text, p_page bigint)
returns text
language plpgsql
immutable
parallel safe
as $$
declare
    v_base constant text := split_part(p_url, '?', 1);
    v_others constant text := regexp_replace('&' || substr(p_url, length(v_base) + 2), '&(page(=[^&]*)?)?(?=&|$)', '', 'g');
begin
    return v_base || coalesce('?' || nullif(substr(concat(v_others, '&page=' || nullif(p_page, 1)), 2), ''), '');
end;
$$;

comment on function http.page_link(text, bigint) is
'The address of another page of the list at p_url, an absolute URL. The other parameters stay; page 1 has no parameter page.';
