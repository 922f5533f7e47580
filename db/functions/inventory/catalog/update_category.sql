create or replace function inventory.update_category(
    p_category_id bigint,
    p_name inventory.name default null,
    p_description inventory.description default null,
    p_actor text default null
)
returns store.category
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_before store.category;
    v_category store.category;
begin
    select * into v_before from store.category as t where t.id = p_category_id for no key update;
    update store.category as t
    set
        name = coalesce(p_name, t.name),
        description = coalesce(p_description, t.description),
        updated_at = inventory.clock()
    where t.id = p_category_id
    returning * into v_category;
    if not found then
        perform inventory.require_category(p_category_id);
    end if;
    perform inventory.record_change('category', p_category_id::text, to_jsonb(v_before), to_jsonb(v_category), p_actor);
    return v_category;
exception
    when unique_violation then
        raise exception using
            errcode = 'IV038', -- DUPLICATE_CATEGORY
            message = format('There is a category %s.', p_name);
end;
$$;

comment on function inventory.update_category(bigint, inventory.name, inventory.description, text) is
'Change a category; null leaves a value unchanged. Errors: CATEGORY_NOT_FOUND, DUPLICATE_CATEGORY.';

grant execute on function inventory.update_category(bigint, inventory.name, inventory.description, text) to inventory_admin;
