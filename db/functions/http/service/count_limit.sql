create or replace function http.count_limit(p_page bigint, p_per_page integer)
returns bigint
language plpgsql
immutable
parallel safe
as $$
begin
    return greatest(10000, least((p_page - 1) * p_per_page, 250000) + p_per_page) + 1;
end;
$$;

comment on function http.count_limit(bigint, integer) is
'How many rows a list of API 3 counts at the most: to 10 000, and to one past the page that is asked for, of a page that
http.pagination does not refuse.';
