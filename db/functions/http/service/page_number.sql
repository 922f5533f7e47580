create or replace function http.page_number(p_page text, p_page_size integer, p_count bigint)
returns bigint
language plpgsql
immutable
parallel safe
as $$
declare
    v_last constant bigint := greatest(ceil(p_count::numeric / p_page_size), 1);
begin
    if p_page is null then
        return 1;
    elsif p_page = 'last' then
        return v_last;
    elsif p_page ~ '^[0-9]{1,18}$' and p_page::bigint between 1 and v_last then
        return p_page::bigint;
    end if;
    raise exception using
        errcode = 'IV018', -- PAGE_NOT_FOUND
        message = 'Invalid page.';
end;
$$;

comment on function http.page_number(text, integer, bigint) is
'The number of the requested page of a list of API 5 with p_count rows. The parameter is a number from 1, or "last"; null: page 1.

Errors: PAGE_NOT_FOUND.';
