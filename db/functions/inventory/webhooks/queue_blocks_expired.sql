create or replace function inventory.queue_blocks_expired(p_blocks store.block[])
returns void
language plpgsql
volatile
as $$
begin
    if inventory.has_subscriber('block.expired') then
        perform inventory.queue_events(
            'block.expired', array_agg(e.data order by e.position), array_agg(e.at order by e.position)
        )
        from (
            select
                b.ordinality as position,
                b.ended_at as at,
                json_build_object(
                    'block_id', b.id,
                    'product', inventory.product_in_event(b.product_id),
                    'quantity', trim_scale(b.quantity),
                    'reason', b.reason,
                    'expires_at', inventory.instant_text(b.ended_at)
                ) as data
            from unnest(p_blocks) with ordinality as b
            where b.status = 'expired'
        ) as e
        having count(*) > 0;
    end if;
end;
$$;

comment on function inventory.queue_blocks_expired(store.block[]) is
'Queue the event block.expired for each of the blocks whose status is expired, in their order.';
