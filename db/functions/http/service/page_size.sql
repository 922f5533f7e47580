create or replace function http.page_size(p_page_size text)
returns integer
language plpgsql
immutable
parallel safe
as $$
begin
    if p_page_size ~ '^0*[1-9][0-9]*$' then
        return least(p_page_size::numeric, 100);
    end if;
    return 10;
end;
$$;

comment on function http.page_size(text) is
'The number of rows on a page of API 5: the requested number, but at most 100; 10 if none, or no number, was requested.';
