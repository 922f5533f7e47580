create or replace function inventory.delete_category(p_category_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from store.category as t where t.id = p_category_id;
    if not found then
        perform inventory.require_category(p_category_id);
    end if;
exception
    when foreign_key_violation then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The category cannot be deleted: products refer to it.';
end;
$$;

comment on function inventory.delete_category(bigint) is
'Delete a category that no product has. Errors: CATEGORY_NOT_FOUND, PROTECTED.';

grant execute on function inventory.delete_category(bigint) to inventory_admin;
