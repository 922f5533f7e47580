create or replace function inventory.add_stock(
    p_product_id bigint,
    p_amount inventory.quantity,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns store.movement
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    return (inventory.post_line(
        inventory.line('add', p_product_id, p_amount, p_reason => p_reason, p_actor => p_actor)
    )).movement;
end;
$$;

comment on function inventory.add_stock(bigint, inventory.quantity, inventory.reason, text, text) is
'Add units to the stock on hand: an arrival.

Opens a cost layer at the product''s cost price; if the product has none, the cost is not known.
Returns the movement. A quantity of 0 is allowed: it does nothing and returns null.
Errors: INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE.';

grant execute on function inventory.add_stock(bigint, inventory.quantity, inventory.reason, text, text) to inventory_operator;
