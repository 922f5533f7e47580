create or replace function inventory.no_product(p_product_id bigint)
returns inventory.posted
language plpgsql
immutable
as $$
begin
    return inventory.refusal(
        'IV003', -- PRODUCT_NOT_FOUND
        format('Product %s does not exist.', coalesce(p_product_id::text, 'null'))
    );
end;
$$;

comment on function inventory.no_product(bigint) is 'The refusal of a line whose product does not exist.';
