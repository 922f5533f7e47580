create or replace function http.count_limit(p_page bigint, p_per_page integer)
returns bigint
language plpgsql
immutable
parallel safe
as $$
begin
    return greatest(10000, p_page * p_per_page) + 1;
end;
$$;

comment on function http.count_limit(bigint, integer) is
'How many rows a list of API 3 counts at the most: to 10 000, and to one past the page that is asked for.

A page of a list of millions must not count them all: see http.pagination.';
