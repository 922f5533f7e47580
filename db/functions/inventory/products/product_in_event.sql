create or replace function inventory.product_in_event(p_product_id bigint)
returns json
language plpgsql
stable
as $$
begin
    return (
        select json_build_object('id', p.id, 'sku', p.sku, 'sku_id', p.sku_id, 'title', p.name)
        from store.product_ever as p
        where p.id = p_product_id
    );
end;
$$;

comment on function inventory.product_in_event(bigint) is
'A product, also one that has been deleted, as webhook events show it: {"id", "sku", "sku_id", "title"}.';
