create or replace function inventory.held_at(p_product_id bigint, p_location_id bigint)
returns numeric
language plpgsql
stable
as $$
begin
    return coalesce(
        (
            select l.quantity
            from store.location_stock as l
            where l.product_id = p_product_id and l.location_id = p_location_id
        ),
        0
    );
end;
$$;

comment on function inventory.held_at(bigint, bigint) is 'The units of the product at the location.';
