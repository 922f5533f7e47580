create or replace function inventory.create_category(
    p_name inventory.name,
    p_description inventory.description default null
)
returns store.category
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_category store.category;
begin
    perform inventory.require_argument('name', p_name is null);

    insert into store.category (name, description, created_at, updated_at)
    values (p_name, p_description, v_now, v_now)
    on conflict (lower(name)) do nothing
    returning * into v_category;

    if not found then
        raise exception using
            errcode = 'IV038', -- DUPLICATE_CATEGORY
            message = format('There is a category %s.', p_name);
    end if;
    return v_category;
end;
$$;

comment on function inventory.create_category(inventory.name, inventory.description) is
'Create a category. Names are case-insensitive. Errors: DUPLICATE_CATEGORY.';

grant execute on function inventory.create_category(inventory.name, inventory.description) to inventory_admin;
