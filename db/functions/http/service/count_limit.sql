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
'The number of rows up to which a list of API 3 counts: one more than 10 000, or than the end of the requested page if that is
greater. Pages that http.pagination refuses do not increase it.';
