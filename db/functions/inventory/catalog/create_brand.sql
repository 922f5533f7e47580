create or replace function inventory.create_brand(
    p_name inventory.name,
    p_description inventory.description default null
)
returns store.brand
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_brand store.brand;
begin
    perform inventory.require_argument('name', p_name is null);

    insert into store.brand (name, description, created_at, updated_at)
    values (p_name, p_description, v_now, v_now)
    on conflict (lower(name)) do nothing
    returning * into v_brand;

    if not found then
        raise exception using
            errcode = 'IV037', -- DUPLICATE_BRAND
            message = format('There is a brand %s.', p_name);
    end if;
    return v_brand;
end;
$$;

comment on function inventory.create_brand(inventory.name, inventory.description) is
'Create a brand. Names are case-insensitive. Errors: DUPLICATE_BRAND.';

grant execute on function inventory.create_brand(inventory.name, inventory.description) to inventory_admin;
