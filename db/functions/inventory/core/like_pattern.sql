create or replace function inventory.like_pattern(p_text inventory.search_text)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return '%' || replace(replace(replace(p_text, e'\\', e'\\\\'), '%', e'\\%'), '_', e'\\_') || '%';
end;
$$;

comment on function inventory.like_pattern(inventory.search_text) is
'A LIKE pattern that matches every text that contains p_text.

The percent sign, the underscore and the backslash have no special meaning in p_text.';
