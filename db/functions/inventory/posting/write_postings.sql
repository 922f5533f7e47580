create or replace function inventory.write_postings(
    p_stocks store.stock[],
    p_movements store.movement[],
    p_blocks store.block[],
    p_ended store.block[],
    p_opened store.cost_layer[],
    p_changed store.cost_layer[],
    p_uses store.cost_layer_use[],
    p_location_stocks store.location_stock[],
    p_location_movements store.location_movement[],
    p_low store.stock[]
)
returns void
language plpgsql
volatile
as $$
begin
    update store.stock as s
    set
        on_hand = n.on_hand,
        reserved = n.reserved,
        blocked = n.blocked,
        located = n.located,
        average_quantity = n.average_quantity,
        average_value = n.average_value,
        last_number = n.last_number,
        feed_key = n.feed_key,
        kit_reserved = n.kit_reserved,
        updated_at = n.updated_at
    from unnest(p_stocks) as n
    where s.product_id = n.product_id;

    -- The rows have the types of the tables, so that no list of columns is needed.
    insert into store.movement
    select m.*
    from unnest(p_movements) as m;

    -- Most postings end here: one check instead of six.
    if num_nonnulls(p_blocks, p_ended, p_opened, p_uses, p_location_stocks, p_low) = 0 then
        return;
    end if;
    if cardinality(p_opened) > 0 then
        insert into store.cost_layer overriding system value
        select l.*
        from unnest(p_opened) as l;
    end if;
    if cardinality(p_uses) > 0 then
        update store.cost_layer as l
        set remaining = c.remaining, remaining_value = c.remaining_value, is_open = c.is_open
        from unnest(p_changed) as c
        where l.product_id = c.product_id and l.id = c.id;
        insert into store.cost_layer_use
        select u.*
        from unnest(p_uses) as u;
    end if;

    if cardinality(p_blocks) > 0 then
        insert into store.block
        select b.*
        from unnest(p_blocks) as b;
    end if;
    if cardinality(p_ended) > 0 then
        update store.block as b
        set
            status = e.status,
            ended_at = e.ended_at,
            ended_reason = e.ended_reason,
            ended_by = e.ended_by,
            converted_quantity = e.converted_quantity,
            is_held = e.is_held
        from unnest(p_ended) as e
        where b.id = e.id and b.product_id = e.product_id;
        perform inventory.queue_blocks_expired(p_ended);
    end if;

    if cardinality(p_location_stocks) > 0 then
        insert into store.location_stock
        select h.*
        from unnest(p_location_stocks) as h
        on conflict (product_id, location_id) do update
        set quantity = excluded.quantity, arrived_at = excluded.arrived_at;
        insert into store.location_movement
        select m.*
        from unnest(p_location_movements) as m;
    end if;

    if cardinality(p_low) > 0 then
        perform inventory.queue_stock_low(l) from unnest(p_low) as l;
    end if;
end;
$$;

comment on function inventory.write_postings(
    store.stock[], store.movement[], store.block[], store.block[], store.cost_layer[], store.cost_layer[],
    store.cost_layer_use[], store.location_stock[], store.location_movement[], store.stock[]
) is
'Write the rows that inventory.post decided, one statement for each table, and queue the events stock.low (p_low) and
block.expired.

The caller holds the locks of the stock rows. No other function writes to store.movement, or changes balances, the states of
blocks, cost layers or the stock of locations; maintenance.repair() sets damaged ones back.';
