create or replace function inventory.cost_price_of(p_product_id bigint)
returns numeric
language plpgsql
stable
as $$
begin
    return (select p.cost_price from store.product as p where p.id = p_product_id);
end;
$$;

comment on function inventory.cost_price_of(bigint) is
'What a unit costs that arrives without a cost of its own; null where the product has no cost price.';
