-- The statements consist of text from this schema's functions. Values from clients are quoted literals in them.
create or replace function http.stock_search(
    p_q inventory.search_text,
    p_state inventory.stock_state,
    p_limit integer
)
returns bigint[]
language plpgsql
stable
as $$
declare
    v_q constant text := btrim(p_q);
    v_code constant text := http.folded('p.sku') || ' collate pg_catalog."C"';
    v_begins constant text := format(
        '%s like %s collate pg_catalog."C"',
        v_code, http.folded(quote_literal(substr(inventory.like_pattern(v_q), 2)))
    );
    v_query constant text := concat(
        'select array(select m.id from (',
        'select p.id, %2$s as code, p.sku <> %3$L as is_other from store.product as p where %1$s',
        ' order by %4$s limit ',
        case when p_state is null then p_limit else 10000 end,
        ') as m',
        ' inner join store.stock as s on m.id = s.product_id where true' || http.stock_condition(p_state),
        ' order by %4$s limit ',
        p_limit,
        ')'
    );
    v_ids bigint [];
    v_others bigint [];
begin
    execute format(v_query, v_begins, v_code, v_q, 'code, is_other, id') into v_ids;
    if cardinality(v_ids) < p_limit and inventory.is_searchable(v_q) then
        execute format(v_query, concat('not ', v_begins, http.search_condition(v_q, 'p.sku', 'p.name')), v_code, v_q, 'id')
        into v_others;
    end if;
    return (v_ids || v_others)[:p_limit];
end;
$$;

comment on function http.stock_search(inventory.search_text, inventory.stock_state, integer) is
'The ids of at most p_limit products that p_q finds: first the SKU code that is p_q, then those that begin with it, in order of
code; then the products whose SKU code or name has each word of p_q, in order of id. Case does not matter.

The third group is left out if the text is too short to be searched for among so many products (inventory.is_searchable). p_state:
only products in this state, of the first 10 000 of each group.';
