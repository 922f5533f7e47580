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
'Generate a code for a product that is created without one: P-000001 and so on. A caller may have chosen the same code already.';
