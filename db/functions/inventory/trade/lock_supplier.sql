create or replace function inventory.lock_supplier(p_supplier_id bigint)
returns void
language plpgsql
volatile
as $$
begin
    perform from store.supplier as s where s.id = p_supplier_id for key share;
    if not found then
        perform inventory.require_supplier(p_supplier_id);
    end if;
end;
$$;

comment on function inventory.lock_supplier(bigint) is
'Keep the supplier from being deleted until the end of the transaction. Errors: SUPPLIER_NOT_FOUND.';
