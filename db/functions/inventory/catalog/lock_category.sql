create or replace function inventory.lock_category(p_category_id bigint)
returns void
language plpgsql
volatile
as $$
begin
    perform from store.category as t where t.id = p_category_id for key share;
    if not found then
        perform inventory.require_category(p_category_id);
    end if;
end;
$$;

comment on function inventory.lock_category(bigint) is
'Keep the category from being deleted until the end of the transaction. Errors: CATEGORY_NOT_FOUND.';
