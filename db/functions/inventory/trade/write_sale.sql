create or replace function inventory.write_sale(p_sale store.sale, p_movement store.movement)
returns store.sale
language plpgsql
volatile
as $$
declare
    v_sale store.sale := p_sale;
    v_last store.sale;
begin
    -- Sees what the movement's transaction waited for: a statement of its own, under the lock.
    select * into v_last
    from store.sale as s
    where s.product_id = p_sale.product_id
    order by s.number desc
    limit 1;

    v_sale.number := coalesce(v_last.number, 0) + 1;
    v_sale.movement_id := p_movement.id;
    v_sale.cost := sign(p_sale.quantity) * p_movement.cost;
    v_sale.actor := p_movement.actor;
    v_sale.created_at := p_movement.created_at;
    v_sale.quantity_to_date := coalesce(v_last.quantity_to_date, 0) + v_sale.quantity;
    v_sale.revenue_to_date := coalesce(v_last.revenue_to_date, 0) + v_sale.revenue;
    v_sale.cost_to_date := coalesce(v_last.cost_to_date, 0) + coalesce(v_sale.cost, 0);
    v_sale.without_cost_to_date := coalesce(v_last.without_cost_to_date, 0) + case when v_sale.cost is null then 1 else 0 end;
    insert into store.sale values (v_sale.*);
    return v_sale;
end;
$$;

comment on function inventory.write_sale(store.sale, store.movement) is
'Write a sale or a return with its movement, its cost and the product''s totals to date. The caller holds the stock row.';
