create or replace function inventory.products_with_due_prices()
returns bigint[]
language plpgsql
stable
as $$
begin
    return array(
        select distinct t.product_id
        from store.price_turn as t
        where t.at <= inventory.clock() and t.price_type = 'retail'
    );
end;
$$;

comment on function inventory.products_with_due_prices() is
'The products whose retail price has changed on time, and whose store.product.retail_price does not show it yet: see
maintenance.turn_prices.';
