create or replace function inventory.delete_brand(p_brand_id bigint, p_actor text default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_brand store.brand;
begin
    delete from store.brand as t where t.id = p_brand_id returning * into v_brand;
    if not found then
        perform inventory.require_brand(p_brand_id);
    end if;
    perform inventory.record_change('brand', p_brand_id::text, to_jsonb(v_brand), null, p_actor);
exception
    when foreign_key_violation then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The brand cannot be deleted: products refer to it.';
end;
$$;

comment on function inventory.delete_brand(bigint, text) is
'Delete a brand that no product has. Errors: BRAND_NOT_FOUND, PROTECTED.';

grant execute on function inventory.delete_brand(bigint, text) to inventory_admin;
