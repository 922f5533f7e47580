create or replace function inventory.is_searchable(p_search inventory.search_text)
returns boolean
language plpgsql
stable
as $$
begin
    return
        p_search is null
        or p_search !~ '[^[:space:],"]'
        or p_search ~ '[[:alnum:]]{3}'
        or inventory.row_total('product') <= 200000;
end;
$$;

comment on function inventory.is_searchable(inventory.search_text) is
'Whether products can be searched for a text: with more than 200 000 products, one with 3 letters or digits in a row.

The index is a trigram index, so another search would read every product. Null and an empty text are allowed.';
