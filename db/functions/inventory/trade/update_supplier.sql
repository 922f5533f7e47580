create or replace function inventory.update_supplier(
    p_supplier_id bigint,
    p_name inventory.name default null,
    p_phone_number inventory.phone_number default null,
    p_business_name inventory.name default null,
    p_email inventory.email default null,
    p_description inventory.description default null,
    p_actor text default null
)
returns store.supplier
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before store.supplier;
    v_supplier store.supplier;
begin
    select * into v_before from store.supplier as s where s.id = p_supplier_id for no key update;
    update store.supplier as s
    set
        name = coalesce(p_name, s.name),
        description = coalesce(p_description, s.description),
        business_name = coalesce(p_business_name, s.business_name),
        email = coalesce(p_email, s.email),
        phone_number = coalesce(p_phone_number, s.phone_number),
        updated_at = inventory.clock()
    where s.id = p_supplier_id
    returning * into v_supplier;
    if not found then
        perform inventory.require_supplier(p_supplier_id);
    end if;
    perform inventory.record_change('supplier', p_supplier_id::text, to_jsonb(v_before), to_jsonb(v_supplier), p_actor);
    return v_supplier;
exception
    when unique_violation then
        raise exception using
            errcode = 'IV027', -- DUPLICATE_SUPPLIER_EMAIL
            message = format('There is a supplier with the email %s.', p_email);
end;
$$;

comment on function inventory.update_supplier(
    bigint, inventory.name, inventory.phone_number, inventory.name, inventory.email, inventory.description, text
) is
'Change a supplier; null leaves a value unchanged. Errors: DUPLICATE_SUPPLIER_EMAIL, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.update_supplier(
    bigint, inventory.name, inventory.phone_number, inventory.name, inventory.email, inventory.description, text
) to inventory_admin;
