create or replace function inventory.delete_category(p_category_id bigint, p_actor text default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_category store.category;
begin
    delete from store.category as t where t.id = p_category_id returning * into v_category;
    if not found then
        perform inventory.require_category(p_category_id);
    end if;
    perform inventory.record_change('category', p_category_id::text, to_jsonb(v_category), null, p_actor);
exception
    when foreign_key_violation then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The category cannot be deleted: products refer to it.';
end;
$$;

comment on function inventory.delete_category(bigint, text) is
'Delete a category that no product has. Errors: CATEGORY_NOT_FOUND, PROTECTED.';

grant execute on function inventory.delete_category(bigint, text) to inventory_admin;
