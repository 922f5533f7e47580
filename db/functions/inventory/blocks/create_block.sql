create or replace function inventory.create_block(
    p_product_id bigint,
    p_quantity inventory.positive_quantity,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null,
    p_expected text default null,
    p_owner inventory.hold_owner default null
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
    -- Check expires_at before the lock, so that an invalid one is refused whatever the stock is. inventory.post checks it again.
    if p_expires_at is not null then
        perform inventory.block_expiry(p_expires_at, v_now, v_now);
    end if;
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    return (inventory.post_line(
        inventory.line(
            'block', p_product_id, p_quantity,
            p_reason => p_reason, p_actor => p_actor, p_expires_at => p_expires_at, p_owner => p_owner
        )
    )).block;
end;
$$;

comment on function inventory.create_block(
    bigint, inventory.positive_quantity, inventory.reason, timestamptz, text, text, inventory.hold_owner
) is
'Create a temporary block, which holds units of a product for a limited time.

p_expires_at: when the block expires; null: after the default duration. From that instant its units are available to other
callers, even before maintenance.expire_blocks() has ended the block. p_owner: the cart or order that it is
held for. Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE, PRODUCT_NOT_FOUND; 22023 for
p_expires_at.';

grant execute on function inventory.create_block(
    bigint, inventory.positive_quantity, inventory.reason, timestamptz, text, text, inventory.hold_owner
) to inventory_operator;
