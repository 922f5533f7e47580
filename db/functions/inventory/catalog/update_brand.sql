create or replace function inventory.update_brand(
    p_brand_id bigint,
    p_name inventory.name default null,
    p_description inventory.description default null,
    p_actor text default null
)
returns store.brand
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before store.brand;
    v_brand store.brand;
begin
    select * into v_before from store.brand as t where t.id = p_brand_id for no key update;
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
    perform inventory.record_change('brand', p_brand_id::text, to_jsonb(v_before), to_jsonb(v_brand), p_actor);
    return v_brand;
exception
    when unique_violation then
        raise exception using
            errcode = 'IV037', -- DUPLICATE_BRAND
            message = format('There is a brand %s.', p_name);
end;
$$;

comment on function inventory.update_brand(bigint, inventory.name, inventory.description, text) is
'Change a brand; null leaves a value unchanged. Errors: BRAND_NOT_FOUND, DUPLICATE_BRAND.';

grant execute on function inventory.update_brand(bigint, inventory.name, inventory.description, text) to inventory_admin;
