create or replace function inventory.lock_orders(p_orders inventory.art_orders)
returns void
language plpgsql
volatile
as $$
begin
    -- The places that are to be made, in one order for all callers; then the products, in theirs.
    perform pg_advisory_xact_lock(hashtextextended('location ' || n.code, 0))
    from (
        select distinct o.to_location as code
        from unnest(p_orders) as o
        where
            o.type <> 'Remove'
            and not exists (select from store.location as l where l.code = o.to_location)
        order by 1
    ) as n;

    perform from store.stock as s
    where s.product_id in (select p.id from unnest(p_orders) as o inner join store.product as p on o.sku = p.sku)
    order by s.product_id
    for no key update;
end;
$$;

comment on function inventory.lock_orders(inventory.art_orders) is
'Lock all that the orders are about, in the one order in which everybody does.';
