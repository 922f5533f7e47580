create or replace function inventory.end_block(
    p_block_id uuid,
    p_status text,
    p_quantity inventory.positive_quantity,
    p_reason inventory.reason,
    p_actor text
)
returns store.block
language plpgsql
volatile
as $$
declare
    v_block store.block := inventory.lock_active_block(p_block_id);
    v_departing constant numeric := case p_status when 'converted' then coalesce(p_quantity, v_block.quantity) else 0 end;
    v_movement store.movement;
begin
    if v_departing > v_block.quantity then
        raise exception using
            errcode = 'IV009', -- BLOCK_QUANTITY_EXCEEDED
            message = format('Block %s holds only %s.', p_block_id, trim_scale(v_block.quantity)),
            detail = jsonb_build_object('quantity', v_block.quantity, 'requested', v_departing);
    end if;

    v_movement := inventory.change_stock(
        v_block.product_id,
        case p_status when 'converted' then 'convert' else 'cancel' end,
        p_on_hand => -v_departing,
        p_blocked => -v_block.quantity,
        p_reference => p_block_id::text,
        p_reason => p_reason,
        p_actor => p_actor,
        p_requires_active => false
    );
    if v_movement.created_at >= v_block.expires_at then
        -- Its time ran out between the look at it and the change.
        raise exception using
            errcode = 'IV006', -- BLOCK_EXPIRED
            message = format('Block %s has expired.', p_block_id);
    end if;

    update store.block as b
    set
        status = p_status,
        ended_at = v_movement.created_at,
        ended_reason = p_reason,
        ended_by = v_movement.actor,
        converted_quantity = case p_status when 'converted' then v_departing end
    where b.id = p_block_id and b.product_id = v_block.product_id
    returning * into v_block;
    return v_block;
end;
$$;

comment on function inventory.end_block(uuid, text, inventory.positive_quantity, inventory.reason, text) is
'End an active block as converted (p_quantity of it leaves, null: all) or cancelled: what does not leave is available
again. Errors: see inventory.convert_block.';
