create or replace function inventory.require_searchable(p_field text, p_search inventory.search_text)
returns void
language plpgsql
stable
as $$
begin
    if not inventory.is_searchable(p_search) then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('%s must have 3 letters or digits in a row, as there are more than 200000 products', p_field),
            detail = jsonb_build_object('field', p_field, 'input', p_search);
    end if;
end;
$$;

comment on function inventory.require_searchable(text, inventory.search_text) is
'Refuse a search of more than 200 000 products for a text without 3 letters or digits in a row.

The index is a trigram index, so such a search would read every product. Null and an empty text are allowed. Errors: 22023 with
DETAIL {"field", "input"}.';
