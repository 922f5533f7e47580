create or replace function inventory.balance_refusal(
    p_line inventory.posting,
    p_stock store.stock,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_requires_active boolean,
    p_expired numeric,
    p_held numeric
)
returns inventory.posted
language plpgsql
stable
as $$
declare
    v_available constant numeric := p_stock.on_hand - p_stock.reserved - p_stock.blocked + p_expired;
    v_wanted constant numeric := p_reserved + p_blocked - p_on_hand;
    -- A kit's own call releases and consumes the units that are reserved for kits; a call for the part alone may not use them.
    v_reserved constant numeric := case
        when p_line.kit_line is null or p_stock.is_kit then p_stock.reserved - p_stock.kit_reserved
        else p_stock.kit_reserved
    end;
begin
    if p_stock.is_kit and p_line.kit_line is null then
        return inventory.kit_refusal(p_line);
    elsif
        p_line.location_id is not null
        and p_held < (case p_line.kind when 'transfer' then p_line.quantity else -p_on_hand end)
    then
        return inventory.refusal(
            'IV001', -- INSUFFICIENT_STOCK
            'The location holds too little.',
            jsonb_build_object('held', trim_scale(p_held))
        );
    elsif (p_line.location_id is not null or p_line.kind = 'count') and v_wanted > 0 and v_available < v_wanted then
        return inventory.refusal(
            'IV001', -- INSUFFICIENT_STOCK
            case
                when p_line.location_id is not null then 'Promised units stand in the way.'
                else format(
                    '%s reserved and %s blocked units stand in the way.',
                    trim_scale(p_stock.reserved), trim_scale(p_stock.blocked - p_expired)
                )
            end,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'held', case when p_line.location_id is not null then trim_scale(p_held) end,
                    'reserved', trim_scale(p_stock.reserved),
                    'blocked', trim_scale(p_stock.blocked - p_expired),
                    'available', trim_scale(v_available)
                )
            )
        );
    elsif p_requires_active and p_stock.status <> 'active' then
        return inventory.refusal(
            'IV010', -- INVENTORY_NOT_ACTIVE
            format('The inventory of product %s is %s.', p_line.product_id, p_stock.status),
            jsonb_build_object('status', p_stock.status)
        );
    elsif p_stock.on_hand + p_on_hand >= 1000000000 then
        return inventory.refusal(
            'IV011', -- QUANTITY_OUT_OF_RANGE
            'The quantity on hand would exceed 999999999.999.',
            jsonb_build_object('on_hand', p_stock.on_hand, 'requested', p_on_hand)
        );
    elsif v_reserved + p_reserved < 0 then
        return inventory.refusal(
            'IV002', -- INSUFFICIENT_RESERVED
            format('Only %s reserved.', trim_scale(v_reserved)),
            jsonb_build_object('reserved', v_reserved, 'requested', -p_reserved),
            'Release or consume no more than was reserved and is not yet released or consumed.'
        );
    elsif v_wanted > 0 and v_available < v_wanted then
        return inventory.not_enough_available(v_available, v_wanted);
    end if;
    return null;
end;
$$;

comment on function inventory.balance_refusal(
    inventory.posting, store.stock, numeric, numeric, numeric, boolean, numeric, numeric
) is
'The refusal of a line that would change these balances by the given signed amounts; null if the change is allowed.

p_expired: blocked units whose blocks have expired; they count as available. p_held: the units at the line''s location.';
