-- The statement is made of this schema's own words; what a client sent is a number or a quoted literal in it.
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
'A page of a list of API 3: the ids of its rows in their order, and where it stands: see http.pagination.

p_rows: a query, without an order, with the column id and those to sort by; p_order: its order, of columns of m. The list renders
the rows of these ids by a statement of its own, whose plan is kept.

Planned anew every time: an absent filter is not in the query. Errors: those of http.pagination.';
