create or replace function inventory.purchase_of(p_movement store.movement)
returns store.purchase
language plpgsql
stable
as $$
declare
    v_purchase store.purchase;
begin
    -- The search begins with the product's newest purchase, because the movement has usually just been written.
    select * into v_purchase
    from store.purchase as p
    where p.product_id = p_movement.product_id and p.movement_id = p_movement.id
    order by p.number desc
    limit 1;
    return v_purchase;
end;
$$;

comment on function inventory.purchase_of(store.movement) is 'The purchase that a movement of kind purchase belongs to.';
