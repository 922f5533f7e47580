create or replace function inventory.require_brand(p_brand_id bigint)
returns store.brand
language plpgsql
stable
as $$
declare
    v_brand store.brand;
begin
    select * into v_brand from store.brand as t where t.id = p_brand_id;
    if not found then
        raise exception using
            errcode = 'IV035', -- BRAND_NOT_FOUND
            message = format('Brand %s does not exist.', coalesce(p_brand_id::text, 'null'));
    end if;
    return v_brand;
end;
$$;

comment on function inventory.require_brand(bigint) is 'The brand with this id. Errors: BRAND_NOT_FOUND.';
