-- The statement is made of this schema's own words; what a client sent is a number or a quoted literal in it.
create or replace function http.page(
    p_url text,
    p_page text,
    p_page_size text,
    p_rows text,
    p_order text,
    p_item text,
    p_count bigint default null
)
returns json
language plpgsql
stable
as $$
declare
    v_size constant integer := http.page_size(p_page_size);
    v_count bigint := p_count;
    v_page bigint;
    v_results json;
begin
    if v_count is null then
        execute format('select count(*) from (%s) as m', p_rows) into v_count;
    end if;
    v_page := http.page_number(p_page, v_size, v_count);
    execute format(
        'select json_agg(%s order by r.position)'
        ' from (select m.item, row_number() over () as position'
        ' from (select m.item from (%s) as m order by %s limit $1 offset $2) as m) as r',
        p_item, p_rows, p_order
    )
    into v_results
    using v_size, (v_page - 1) * v_size;
    return http.page_json(p_url, v_page, v_size, v_count, v_results);
end;
$$;

comment on function http.page(text, text, text, text, text, text, bigint) is
'A page of API 5 of the rows of a query.

p_rows: a query with a column item and those to sort by; p_order: its order, of columns of m (see
http.order_by); p_item: the JSON of an item, of r.item; p_count: how many rows there are, null: to be counted.

Planned anew every time: an absent filter is not in the query. Errors: PAGE_NOT_FOUND.';
