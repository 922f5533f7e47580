create or replace function http.list_stock(
    p_q inventory.search_text default null,
    p_state inventory.stock_state default null,
    p_after bigint default null,
    p_limit inventory.page_limit default 50
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
    v_limit constant integer := coalesce(p_limit, 50);
    v_is_search constant boolean := btrim(p_q) <> '';
    v_ids bigint [];
    v_next bigint;
begin
    if v_is_search and p_after is not null then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'a search has no pages: give q or after, not both',
            detail = jsonb_build_object('field', 'after', 'input', p_after);
    elsif v_is_search then
        v_ids := http.stock_search(p_q, p_state, v_limit);
    else
        select p.ids, p.next into v_ids, v_next from http.stock_page(p_state, coalesce(p_after, 0), v_limit) as p;
    end if;
    return json_build_object(
        'stock',
        (
            select coalesce(json_agg(j order by array_position(v_ids, j.product_id)), '[]')
            from http.stock_line_json as j
            where j.product_id = any(v_ids)
        ),
        'next', v_next
    );
end;
$$;

comment on function http.list_stock(inventory.search_text, inventory.stock_state, bigint, inventory.page_limit) is
'List the products with their stock, in order of id; or search them as somebody types.

q: only products whose SKU code or name contains each word of it, ignoring case: first the SKU code that is q, then those that
begin with it, then the others. With more than 200 000 products, a text without 3 letters or digits in a row finds SKU codes that
begin with it, and no others. A search has no pages, so q and after exclude each other (422).
state: low lists products whose quantity on hand is at or below their reorder point; sold_out lists products with an active
inventory of which nothing is available. With q, the state is looked for among the first 10 000 SKU codes that begin with q and
the first 10 000 others.
after: only products with a higher id. limit: 1 to 1000 (default 50). next is the value of after for the next page; null at the
end. With state=sold_out a call reads at most 100 000 products, so a page may have fewer rows than limit, or none, though next is
there.

unit, reorder_point and status are null if the product has no inventory yet; reorder_point also if none is set. price is the
active retail price. A kit has as many available as its parts allow, and is never low.

Returns {"stock": ["stock_line_json"], "next": "integer?"}';

grant execute on function http.list_stock(
    inventory.search_text, inventory.stock_state, bigint, inventory.page_limit
) to inventory_operator;
