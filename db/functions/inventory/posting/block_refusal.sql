create or replace function inventory.block_refusal(
    p_block_id uuid,
    p_block store.block,
    p_at timestamptz,
    p_quantity numeric default null
)
returns inventory.posted
language plpgsql
stable
as $$
begin
    return case
        when p_block.id is null then
            inventory.refusal(
                'IV004', -- BLOCK_NOT_FOUND
                format('Block %s does not exist.', coalesce(p_block_id::text, 'null'))
            )
        when p_block.status = 'converted' then
            inventory.refusal(
                'IV007', -- BLOCK_CONVERTED
                format('Block %s is already converted.', p_block.id)
            )
        when p_block.status = 'cancelled' then
            inventory.refusal(
                'IV008', -- BLOCK_CANCELLED
                format('Block %s is already cancelled.', p_block.id)
            )
        when not inventory.is_active_block(p_block, p_at) then
            inventory.refusal(
                'IV006', -- BLOCK_EXPIRED
                format('Block %s has expired.', p_block.id)
            )
        when p_quantity > p_block.quantity then
            inventory.refusal(
                'IV009', -- BLOCK_QUANTITY_EXCEEDED
                format('Block %s holds only %s.', p_block.id, trim_scale(p_block.quantity)),
                jsonb_build_object('quantity', p_block.quantity, 'requested', p_quantity)
            )
    end;
end;
$$;

comment on function inventory.block_refusal(uuid, store.block, timestamptz, numeric) is
'The refusal to end or extend a block at p_at: the block is unknown (p_block is null), has ended, has expired, or holds fewer
units than the p_quantity that should leave. Null if the change is allowed.';
