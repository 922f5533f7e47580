create or replace function inventory.location_refusal(p_sku text, p_location text, p_detail jsonb)
returns inventory.posted
language plpgsql
immutable
as $$
begin
    return inventory.refusal(
        'IV001', -- INSUFFICIENT_STOCK
        format('Insufficient stock of SKU %s at location %s', p_sku, p_location) || case
            when p_detail ? 'reserved' then
                format(': %s reserved and %s blocked stand in the way', p_detail ->> 'reserved', p_detail ->> 'blocked')
            else ''
        end,
        p_detail
    );
end;
$$;

comment on function inventory.location_refusal(text, text, jsonb) is
'The refusal of an order because the location holds too few units, or because they are promised (reserved, blocked in p_detail).';
