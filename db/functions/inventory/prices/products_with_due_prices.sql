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
'The products whose active retail price has changed at a scheduled time, while store.product.retail_price still holds the old one.

maintenance.turn_prices() updates them.';
