create or replace function inventory.next_sku()
returns text
language plpgsql
volatile
as $$
declare
    v_number constant text := nextval('store.sku_seq');
begin
    return 'P-' || lpad(v_number, greatest(length(v_number), 6), '0');
end;
$$;

comment on function inventory.next_sku() is
'The code of a product that is made without one: P-000001 and so on. It may be taken by someone''s choice.';
