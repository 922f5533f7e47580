create or replace function inventory.write_purchases(p_lines inventory.posting[], p_posted inventory.posted[])
returns void
language plpgsql
volatile
as $$
begin
    insert into store.purchase (
        product_id, number, id, supplier_id, movement_id, quantity, unit_cost, cost, actor, created_at, quantity_to_date,
        cost_to_date
    )
    select
        i.product_id,
        coalesce(l.number, 0) + row_number() over product,
        (i.movement).reference::bigint,
        i.supplier_id,
        (i.movement).id,
        i.quantity,
        i.unit_cost,
        (i.movement).cost,
        (i.movement).actor,
        (i.movement).created_at,
        coalesce(l.quantity_to_date, 0) + sum(i.quantity) over product,
        coalesce(l.cost_to_date, 0) + sum((i.movement).cost) over product
    from rows from (unnest(p_lines), unnest(p_posted)) with ordinality as i
    left join lateral (
        select *
        from store.purchase as e
        where e.product_id = i.product_id
        order by e.number desc
        limit 1
    ) as l on true
    where i.kind = 'purchase' and (i.movement).id is not null
    window product as (partition by i.product_id order by i.ordinality);
end;
$$;

comment on function inventory.write_purchases(inventory.posting[], inventory.posted[]) is
'Write the purchases of posted lines, each with the product''s totals to date.

The caller holds the locks of the stock rows.';
