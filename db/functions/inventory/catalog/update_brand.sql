create or replace function inventory.update_brand(
    p_brand_id bigint,
    p_name inventory.name default null,
    p_description inventory.description default null
)
returns store.brand
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_brand store.brand;
begin
    update store.brand as t
    set
        name = coalesce(p_name, t.name),
        description = coalesce(p_description, t.description),
        updated_at = inventory.clock()
    where t.id = p_brand_id
    returning * into v_brand;
    if not found then
        perform inventory.require_brand(p_brand_id);
    end if;
    return v_brand;
exception
    when unique_violation then
        raise exception using
            errcode = 'IV037', -- DUPLICATE_BRAND
            message = format('There is a brand %s.', p_name);
end;
$$;

comment on function inventory.update_brand(bigint, inventory.name, inventory.description) is
'Change a brand; null leaves a thing as it is. Errors: BRAND_NOT_FOUND, DUPLICATE_BRAND.';

grant execute on function inventory.update_brand(bigint, inventory.name, inventory.description) to inventory_admin;
