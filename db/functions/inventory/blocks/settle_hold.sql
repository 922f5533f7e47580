create or replace function inventory.settle_hold(p_blocks store.block[])
returns void
language plpgsql
volatile
as $$
begin
    update store.block as b
    set is_held = false
    from unnest(p_blocks) as h
    where b.id = h.id and b.product_id = h.product_id and b.is_held;
end;
$$;

comment on function inventory.settle_hold(store.block[]) is
'Take note that these blocks have expired: they do not belong to what their owner holds any more.

The caller holds the locks of inventory.lock_hold.';
