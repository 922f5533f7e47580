create or replace function inventory.refuse_place(p_product store.product, p_location_code text, p_detail jsonb)
returns void
language plpgsql
volatile
as $$
begin
    raise exception using
        errcode = 'IV001', -- INSUFFICIENT_STOCK
        message = format('Insufficient stock of SKU %s at location %s', p_product.sku, p_location_code)
            || case
                when p_detail ? 'reserved' then
                    format(': %s reserved and %s blocked stand in the way', p_detail ->> 'reserved', p_detail ->> 'blocked')
                else ''
            end,
        detail = p_detail;
end;
$$;

comment on function inventory.refuse_place(store.product, text, jsonb) is
'Say that a place holds too little, or that what is promised (reserved, blocked in p_detail) stands in the way.

Errors: INSUFFICIENT_STOCK.';
