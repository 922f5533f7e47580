create or replace function inventory.returnable_units(p_product_id bigint, p_movement_id bigint, p_quantity numeric)
returns table (layer_id bigint, quantity numeric, cost numeric)
language plpgsql
stable
as $$
begin
    return query
    with outside as (
        -- The units that the departure took from each layer and that have not come back.
        select u.layer_id, sum(u.quantity) as quantity, sum(u.cost) as cost
        from store.cost_layer_use as u
        where
            u.product_id = p_product_id and (u.movement_id = p_movement_id or u.returns_movement_id = p_movement_id)
        group by u.layer_id
        having sum(u.quantity) > 0
    ),

    running as (
        select
            o.layer_id,
            l.number,
            o.quantity,
            o.cost,
            least(o.quantity, p_quantity - (sum(o.quantity) over (order by l.number desc) - o.quantity)) as back
        from outside as o
        inner join store.cost_layer as l on l.product_id = p_product_id and o.layer_id = l.id
    )

    select r.layer_id, r.back, inventory.share(r.cost, r.back, r.quantity)
    from running as r
    where r.back > 0
    order by r.number desc;
end;
$$;

comment on function inventory.returnable_units(bigint, bigint, numeric) is
'The cost layers into which p_quantity units of a departure go when they come back: how many into each, and at what cost.

p_movement_id: the departure. The units that it took last go back first, so that the layers look as if the departure had been
smaller.
Each layer gets back the units'' share of the cost, or null if the cost is not known. The quantities add up to less than
p_quantity if fewer units can still come back.';
