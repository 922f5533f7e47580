create or replace function http.batch_product(p_function text, p_arguments jsonb)
returns bigint
language plpgsql
stable
as $$
declare
    v_product_id bigint;
begin
    case
        when p_function in ('reserve_stock', 'release_stock', 'consume_stock', 'add_stock') then
            if p_arguments ->> 'p_id' not like '%-%' then
                return (p_arguments ->> 'p_id')::bigint;
            end if;
            select p.id into v_product_id from store.product as p where p.sku_id = (p_arguments ->> 'p_id')::uuid;
        when p_function = 'create_block' then
            select p.id into v_product_id from store.product as p where p.sku_id = (p_arguments ->> 'p_sku_id')::uuid;
        when p_function in ('convert_block', 'cancel_block', 'extend_block') then
            select b.product_id into v_product_id from store.block as b where b.id = (p_arguments ->> 'p_block_id')::uuid;
        when p_function in ('create_sale', 'create_purchase') then
            return (p_arguments ->> 'p_product_id')::bigint;
        when p_function = 'return_sale' then
            select s.product_id into v_product_id from store.sale as s where s.id = (p_arguments ->> 'p_sale_id')::bigint;
        when p_function in ('create_inflow', 'create_outflow') then
            return (p_arguments ->> 'p_product')::bigint;
        when p_function = 'place_order' then
            -- An order that makes a place locks that first.
            select p.id into v_product_id
            from store.product as p
            where
                p.sku = p_arguments ->> 'p_sku'
                and (
                    p_arguments ->> 'p_type' = 'Remove'
                    or exists (select from store.location as l where l.code = p_arguments ->> 'p_to_location')
                );
    end case;
    return v_product_id;
exception
    when data_exception or case_not_found then
        return null;
end;
$$;

comment on function http.batch_product(text, jsonb) is
'The product whose stock row the call will lock; null where that cannot be told beforehand.';
