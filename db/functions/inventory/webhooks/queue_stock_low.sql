create or replace function inventory.queue_stock_low(p_stock store.stock)
returns void
language plpgsql
volatile
as $$
declare
    v_now timestamptz;
begin
    if p_stock.status <> 'active' or not inventory.has_subscriber('stock.low') then
        return;
    end if;
    v_now := inventory.clock();
    perform inventory.queue_events(
        'stock.low',
        array[
            json_build_object(
                'product', inventory.product_in_event(p_stock.product_id),
                'quantity', trim_scale(p_stock.on_hand),
                'available',
                trim_scale(
                    p_stock.on_hand - p_stock.reserved - p_stock.blocked
                    + inventory.expired_quantity(p_stock.product_id, v_now)
                ),
                'reorder_point', trim_scale(p_stock.reorder_point)
            )
        ],
        array[v_now]
    );
end;
$$;

comment on function inventory.queue_stock_low(store.stock) is
'Queue the event stock.low for a product that has just become low, if its inventory is active. The caller holds the stock row''s
lock.';
