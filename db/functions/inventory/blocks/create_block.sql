create or replace function inventory.create_block(
    p_product_id bigint,
    p_quantity inventory.positive_quantity,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null
)
returns store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    -- Before the lock, so that a bad end is refused as such whatever the stock is. The posting asks again under it.
    perform inventory.block_expiry(p_expires_at, v_now, v_now);
    return (inventory.post_line(
        inventory.line(
            'block', p_product_id, p_quantity, p_reason => p_reason, p_actor => p_actor, p_expires_at => p_expires_at
        )
    )).block;
end;
$$;

comment on function inventory.create_block(bigint, inventory.positive_quantity, inventory.reason, timestamptz, text) is
'Hold units of a product for a while: a temporary block.

p_expires_at: when it expires; null: after the default duration. At that instant its units can be had by the next
caller, whether or not a sweep has run. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED,
PRODUCT_NOT_FOUND; 22023 for p_expires_at.';

grant execute on function inventory.create_block(
    bigint, inventory.positive_quantity, inventory.reason, timestamptz, text
) to inventory_operator;
