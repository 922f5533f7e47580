create or replace function inventory.require_supplier(p_supplier_id bigint)
returns store.supplier
language plpgsql
stable
as $$
declare
    v_supplier store.supplier;
begin
    select * into v_supplier from store.supplier as s where s.id = p_supplier_id;
    if not found then
        raise exception using
            errcode = 'IV023', -- SUPPLIER_NOT_FOUND
            message = format('Supplier %s does not exist.', coalesce(p_supplier_id::text, 'null'));
    end if;
    return v_supplier;
end;
$$;

comment on function inventory.require_supplier(bigint) is 'The supplier with this id. Errors: SUPPLIER_NOT_FOUND.';
