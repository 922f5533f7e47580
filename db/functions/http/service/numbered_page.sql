-- The statement consists of text from this schema's functions. Values from clients are numbers or quoted literals in it.
create or replace function http.numbered_page(
    p_page integer,
    p_per_page integer,
    p_rows text,
    p_order text,
    out ids bigint[],
    out pagination json
)
returns record
language plpgsql
stable
as $$
declare
    v_page constant bigint := coalesce(p_page, 1);
    v_per_page constant integer := coalesce(p_per_page, 20);
    v_limit constant bigint := http.count_limit(v_page, v_per_page);
    v_count bigint;
begin
    execute format(
        'select array(select m.id from (%1$s) as m order by %2$s limit $1 offset $2),'
        ' (select count(*) from (%1$s limit $3) as m)',
        p_rows, p_order
    )
    into ids, v_count
    using v_per_page, least((v_page - 1) * v_per_page, v_limit), v_limit;
    pagination := http.pagination(v_page, v_per_page, v_count, v_limit);
end;
$$;

comment on function http.numbered_page(integer, integer, text, text) is
'A page of a list of API 3: the ids of its rows, in order, and its position in the list (see http.pagination).

p_rows: a query, without an order, that returns id and the columns to sort by. p_order: the ORDER BY terms, with columns of m. The
caller then selects the rows with these ids in a separate statement, whose plan is cached.

The query is planned at every call and contains only the filters that are used. Errors: those of http.pagination.';
