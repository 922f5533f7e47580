create or replace function inventory.new_reference(p_kind text, p_at timestamptz)
returns text
language plpgsql
volatile
as $$
begin
    return case
        when p_kind in ('sale', 'return', 'kit_sale', 'kit_return') then nextval('store.sale_id_seq')::text
        when p_kind = 'block' then inventory.uuid_v7(p_at)::text
        when p_kind = 'purchase' then nextval('store.purchase_id_seq')::text
        when p_kind = 'outflow' then nextval('store.outflow_id_seq')::text
        when p_kind = 'inflow' then nextval('store.inflow_id_seq')::text
    end;
end;
$$;

comment on function inventory.new_reference(text, timestamptz) is
'A new id for the block, sale, purchase or flow that a movement of this kind creates; null for other kinds.';
