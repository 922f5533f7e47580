create or replace function inventory.kit_kind(p_kind text)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return case p_kind
        when 'consume' then 'kit_consume'
        when 'convert' then 'kit_convert'
        when 'sale' then 'kit_sale'
        when 'reserve' then p_kind
        when 'release' then p_kind
        when 'block' then p_kind
        when 'cancel' then p_kind
    end;
end;
$$;

comment on function inventory.kit_kind(text) is
'The kind of a kit''s own movement when a line of kind p_kind takes or gives back its parts; null if a kit cannot be in
such a line.';
