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
    return format(' and (p.name ilike %1$L or p.sku ilike %1$L)', inventory.like_pattern(p_q));
end;
$$;

comment on function http.contains_condition(inventory.search_text) is
'The condition, to be added to others, that the name or the SKU code of a product p contains p_q, minding no case; null: none.

It is written as a literal of SQL, so that the planner knows how rare it is. Errors: 22023 of inventory.require_searchable.';
