create or replace function inventory.delete_supplier(p_supplier_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from store.supplier as s where s.id = p_supplier_id;
    if not found then
        perform inventory.require_supplier(p_supplier_id);
    end if;
exception
    when foreign_key_violation then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The supplier cannot be deleted: purchases or inflows refer to it.';
end;
$$;

comment on function inventory.delete_supplier(bigint) is
'Delete a supplier of whom nothing was bought. Errors: PROTECTED, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.delete_supplier(bigint) to inventory_admin;
