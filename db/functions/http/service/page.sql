-- The statements consist of text from this schema's functions. Values from clients are numbers or quoted literals in them.
create or replace function http.page(
    p_url text,
    p_page text,
    p_page_size text,
    p_rows text,
    p_order text,
    p_count bigint default null,
    out ids bigint[],
    out count bigint,
    out next text,
    out previous text
)
returns record
language plpgsql
stable
as $$
declare
    v_size constant integer := http.page_size(p_page_size);
    v_page bigint;
begin
    count := p_count;
    if count is null then
        execute format('select count(*) from (%s) as m', p_rows) into count;
    end if;
    v_page := http.page_number(p_page, v_size, count);
    execute format('select array(select m.id from (%s) as m order by %s limit $1 offset $2)', p_rows, p_order)
    into ids
    using v_size, (v_page - 1) * v_size;
    if v_page * v_size < count then
        next := http.page_link(p_url, v_page + 1);
    end if;
    if v_page > 1 then
        previous := http.page_link(p_url, v_page - 1);
    end if;
end;
$$;

comment on function http.page(text, text, text, text, text, bigint) is
'A page of a list of API 5: the ids of its rows, in order, the number of all rows, and the links to the next and previous page.

p_rows: a query that returns id and the columns to sort by. p_order: the ORDER BY terms, with columns of m (see http.order_by).
p_count: the number of rows; null: count them. The caller then selects the rows with these ids in a separate statement, whose plan
is cached.

The query is planned at every call and contains only the filters that are used. Errors: PAGE_NOT_FOUND.';
