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
'The pattern of LIKE for what contains p_text, in which % and _ are letters.';
