create or replace function http.contains_condition(p_q inventory.search_text)
returns text
language plpgsql
stable
as $$
begin
    perform inventory.require_searchable('q', p_q);
    if p_q is null then
        return '';
    end if;
    return format(
        ' and (%s like %s or %s like %2$s)',
        http.folded('p.name'), http.folded(quote_literal(inventory.like_pattern(p_q))), http.folded('p.sku')
    );
end;
$$;

comment on function http.contains_condition(inventory.search_text) is
'The SQL condition, to be added to others, that the name or the SKU code of a product p contains p_q, ignoring case.

Null if p_q is null. The text is a literal in the SQL, so that the planner can estimate how many rows match. Errors: 22023 of
inventory.require_searchable.';
