create or replace function inventory.update_supplier(
    p_supplier_id bigint,
    p_name inventory.name default null,
    p_phone_number inventory.phone_number default null,
    p_business_name inventory.name default null,
    p_email inventory.email default null,
    p_description inventory.description default null
)
returns store.supplier
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_supplier store.supplier;
begin
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
    return v_supplier;
exception
    when unique_violation then
        raise exception using
            errcode = 'IV027', -- DUPLICATE_SUPPLIER_EMAIL
            message = format('There is a supplier with the email %s.', p_email);
end;
$$;

comment on function inventory.update_supplier(
    bigint, inventory.name, inventory.phone_number, inventory.name, inventory.email, inventory.description
) is
'Change a supplier; null leaves a thing as it is. Errors: DUPLICATE_SUPPLIER_EMAIL, SUPPLIER_NOT_FOUND.';

grant execute on function inventory.update_supplier(
    bigint, inventory.name, inventory.phone_number, inventory.name, inventory.email, inventory.description
) to inventory_admin;
