create or replace function inventory.lock_brand(p_brand_id bigint)
returns void
language plpgsql
volatile
as $$
begin
    perform from store.brand as t where t.id = p_brand_id for key share;
    if not found then
        perform inventory.require_brand(p_brand_id);
    end if;
end;
$$;

comment on function inventory.lock_brand(bigint) is
'Keep the brand from being deleted until the end of the transaction. Errors: BRAND_NOT_FOUND.';
