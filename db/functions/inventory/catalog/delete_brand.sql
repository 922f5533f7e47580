create or replace function inventory.delete_brand(p_brand_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    delete from store.brand as t where t.id = p_brand_id;
    if not found then
        perform inventory.require_brand(p_brand_id);
    end if;
exception
    when foreign_key_violation then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The brand cannot be deleted: products refer to it.';
end;
$$;

comment on function inventory.delete_brand(bigint) is
'Delete a brand that no product has. Errors: BRAND_NOT_FOUND, PROTECTED.';

grant execute on function inventory.delete_brand(bigint) to inventory_admin;
