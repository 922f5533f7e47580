create or replace function http.create_block(
    p_sku_id uuid,
    p_quantity inventory.positive_quantity,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null,
    p_expected text default null,
    p_owner inventory.hold_owner default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant uuid := (
        inventory.create_block(
            inventory.product_id_by_sku_id(p_sku_id), p_quantity, p_reason, p_expires_at, p_actor, p_expected, p_owner
        )
    ).id;
begin
    return (select b.item from http.block_json as b where b.id = v_id);
end;
$$;

comment on function http.create_block(
    uuid, inventory.positive_quantity, inventory.reason, timestamptz, text, text, inventory.hold_owner
) is
'Create a temporary block, which holds units of a SKU.

expires_at: when the block expires and its units become available again (by default after 15 minutes, which is a setting). A time
without an offset is in UTC. owner: the id of the cart or order that it is held for (default: none).

Returns "block_json"
Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE.';

grant execute on function http.create_block(
    uuid, inventory.positive_quantity, inventory.reason, timestamptz, text, text, inventory.hold_owner
) to inventory_operator;
