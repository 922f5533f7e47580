create or replace function inventory.delete_supplier(p_supplier_id bigint, p_actor text default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_supplier store.supplier;
begin
    delete from store.supplier as s where s.id = p_supplier_id returning * into v_supplier;
    if not found then
        perform inventory.require_supplier(p_supplier_id);
    end if;
    perform inventory.record_change('supplier', p_supplier_id::text, to_jsonb(v_supplier), null, p_actor);
exception
    when foreign_key_violation then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The supplier cannot be deleted: purchases or inflows refer to it.';
end;
$$;

comment on function inventory.delete_supplier(bigint, text) is
'Delete a supplier without purchases or inflows. Errors: PROTECTED, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.delete_supplier(bigint, text) to inventory_admin;
