create or replace function inventory.reserve_stock(
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
        inventory.line('reserve', p_product_id, p_amount, p_reason => p_reason, p_actor => p_actor)
    )).movement;
end;
$$;

comment on function inventory.reserve_stock(bigint, inventory.quantity, inventory.reason, text, text) is
'Reserve available units: the available quantity decreases, the reserved quantity increases.

Returns the movement. A quantity of 0 is allowed: it does nothing and returns null.
Errors: INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE, PRODUCT_NOT_FOUND.';

grant execute on function inventory.reserve_stock(bigint, inventory.quantity, inventory.reason, text, text) to inventory_operator;
