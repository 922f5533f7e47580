create or replace function inventory.require_category(p_category_id bigint)
returns store.category
language plpgsql
stable
as $$
declare
    v_category store.category;
begin
    select * into v_category from store.category as t where t.id = p_category_id;
    if not found then
        raise exception using
            errcode = 'IV036', -- CATEGORY_NOT_FOUND
            message = format('Category %s does not exist.', coalesce(p_category_id::text, 'null'));
    end if;
    return v_category;
end;
$$;

comment on function inventory.require_category(bigint) is 'The category with this id. Errors: CATEGORY_NOT_FOUND.';
