create or replace function inventory.is_order(p_kind text, p_reference text)
returns boolean
language sql
immutable
parallel safe
as $$
select p_reference ~ '^[0-9]{1,18}$' and p_kind = any('{add,remove,transfer,count,adjust}'::text []);
$$;

comment on function inventory.is_order(text, text) is
'Whether a movement of this kind and reference was made by an ART order: its reference is the id of the operation. Other calls
that add or adjust give none. PostgreSQL inlines the function.';
