create or replace function inventory.product_tag(p_product_id bigint)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_tag text;
begin
    select tag into v_tag
    from store.product as p
    left join store.stock as s on p.id = s.product_id
    cross join lateral inventory.tag_of(p, inventory.number_at(s, v_now), v_now) as tag
    where p.id = p_product_id;
    if not found then
        perform inventory.require_product(p_product_id);
    end if;
    return v_tag;
end;
$$;

comment on function inventory.product_tag(bigint) is
'The tag of a product, <number>.<version>: it changes whenever something that the product shows changes, and never comes back.

The number is that of its last movement; an expired block counts from the instant at which it expires. The version counts all
other changes: of its fields, its prices, its inventory, the ends of its blocks. A function with an argument p_expected takes the
tag, and refuses the call if the product has another one by then: see inventory.require_expected. The names of its brand and its
category are no part of it. Errors: PRODUCT_NOT_FOUND.';

grant execute on function inventory.product_tag(bigint) to inventory_public;
