create or replace function inventory.start_stock_events(p_before store.webhook, p_after store.webhook)
returns void
language plpgsql
volatile
as $$
begin
    if inventory.takes_stock_events(p_after) and inventory.takes_stock_events(p_before) is not true then
        insert into store.webhook_position as p (webhook_id, feed_key, feed_id)
        values (p_after.id, inventory.feed_key(), 0)
        on conflict (webhook_id) do update
        set feed_key = excluded.feed_key, feed_id = 0, told_at = null;
    end if;
end;
$$;

comment on function inventory.start_stock_events(store.webhook, store.webhook) is
'Let an endpoint that begins to take the events of stock be told the changes from now on: those of before are not told.

p_before: the endpoint before the change; null: it is new. The caller holds the lock of the endpoint''s row. Locks its position,
for which inventory.queue_stock_changes may make it wait for one of its calls.';
