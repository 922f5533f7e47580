create or replace function inventory.create_supplier(
    p_name inventory.name,
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
    v_now constant timestamptz := inventory.clock();
    v_supplier store.supplier;
begin
    perform inventory.require_argument('name', p_name is null);

    insert into store.supplier (name, description, business_name, email, phone_number, created_at, updated_at)
    values (p_name, p_description, p_business_name, p_email, p_phone_number, v_now, v_now)
    on conflict (lower(email)) do nothing
    returning * into v_supplier;

    if not found then
        raise exception using
            errcode = 'IV027', -- DUPLICATE_SUPPLIER_EMAIL
            message = format('There is a supplier with the email %s.', p_email);
    end if;
    return v_supplier;
end;
$$;

comment on function inventory.create_supplier(
    inventory.name, inventory.phone_number, inventory.name, inventory.email, inventory.description
) is
'Create a supplier. No two suppliers have the same e-mail address, ignoring case. Errors: DUPLICATE_SUPPLIER_EMAIL.';

grant execute on function inventory.create_supplier(
    inventory.name, inventory.phone_number, inventory.name, inventory.email, inventory.description
) to inventory_admin;
