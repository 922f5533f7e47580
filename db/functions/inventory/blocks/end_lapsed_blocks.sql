-- Many blocks of one product end here in one update of its stock and one insert into the ledger: a product with ten
-- thousand forgotten blocks must not update its one stock row ten thousand times.
create or replace function inventory.end_lapsed_blocks(
    p_product_id bigint,
    p_at timestamptz,
    p_limit integer default null
)
returns integer
language plpgsql
volatile
as $$
declare
    v_stock store.stock;
    v_now constant timestamptz := inventory.clock();
    v_is_told constant boolean := inventory.has_subscriber('block.expired');
    v_product json;
    v_events json [];
    v_ends timestamptz [];
    v_quantity numeric;
    v_count integer;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id for no key update;
    if v_is_told then
        v_product := inventory.product_in_event(p_product_id);
    end if;

    with lapsed as (
        select b.id
        from store.block as b
        where b.product_id = p_product_id and b.status = 'active' and b.expires_at <= p_at
        order by b.expires_at, b.id
        limit p_limit
    ),

    ended as (
        update store.block as b
        set status = 'expired', ended_at = b.expires_at
        from lapsed
        where b.id = lapsed.id and b.product_id = p_product_id and b.status = 'active' and b.expires_at <= p_at
        returning b.id, b.quantity, b.reason, b.expires_at
    ),

    running as (
        select
            e.id,
            e.quantity,
            e.expires_at,
            v_stock.blocked - sum(e.quantity) over (order by e.expires_at, e.id) as blocked_after
        from ended as e
    ),

    written as (
        insert into store.movement (
            product_id, kind, on_hand_before, on_hand_after, reserved_before, reserved_after,
            blocked_before, blocked_after, average_quantity, average_value, reference, actor, occurred_at, created_at
        )
        select
            p_product_id, 'expire', v_stock.on_hand, v_stock.on_hand, v_stock.reserved, v_stock.reserved,
            r.blocked_after + r.quantity, r.blocked_after, v_stock.average_quantity, v_stock.average_value,
            r.id::text, 'expiry', r.expires_at, v_now
        from running as r
        order by r.expires_at, r.id
    )

    select
        sum(e.quantity),
        count(*),
        array_agg(
            json_build_object(
                'block_id', e.id,
                'product', v_product,
                'quantity', trim_scale(e.quantity),
                'reason', e.reason,
                'expires_at', inventory.instant_text(e.expires_at)
            )
            order by e.expires_at, e.id
        ) filter (where v_is_told),
        array_agg(e.expires_at order by e.expires_at, e.id) filter (where v_is_told)
    into v_quantity, v_count, v_events, v_ends
    from ended as e;

    if v_count > 0 then
        update store.stock as s
        set blocked = s.blocked - v_quantity, updated_at = v_now
        where s.product_id = p_product_id;
        if v_is_told then
            perform inventory.queue_events('block.expired', v_events, v_ends);
        end if;
    end if;
    return v_count;
end;
$$;

comment on function inventory.end_lapsed_blocks(bigint, timestamptz, integer) is
'End as expired the product''s blocks that are over at p_at, oldest end first, at most p_limit of them (null: all).

Locks the product''s stock row first, so no block is ended here that another caller has ended. Queues
block.expired for each. Returns how many.';
