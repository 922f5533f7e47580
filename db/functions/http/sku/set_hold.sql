create or replace function http.set_hold(
    p_owner inventory.hold_owner,
    p_items inventory.hold_lines,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_allow_partial boolean default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_blocks constant store.block [] := array(
        select b from inventory.set_hold(p_owner, p_items, p_reason, p_expires_at, p_allow_partial, p_actor) as b
    );
begin
    return json_build_object(
        'owner', p_owner,
        'blocks', http.blocks_json(v_blocks),
        'total', cardinality(v_blocks),
        'missing', http.missing_json(p_items, v_blocks)
    );
end;
$$;

comment on function http.set_hold(
    inventory.hold_owner, inventory.hold_lines, inventory.reason, timestamptz, boolean, text
) is
'Make the blocks of an owner, a cart or an order, be exactly these: one for each SKU, all or none.

The owner''s own units count as available: 4 instead of 3 takes 1 more, and a cart that tries to pay again is not blocked by
itself. A block that holds the wanted quantity stays. Where another quantity is wanted, the block is cancelled and a new one
created. Blocks of other SKUs are cancelled: an empty list cancels all.

items: 0 to 100 SKUs with their quantities; the same SKU twice counts together. reason: the reason of the blocks that are created
or cancelled. expires_at: when all blocks of the owner expire (default: blocks that stay keep their end, new ones end after 15
minutes, a setting). allow_partial: where too little is available, hold what there is and say in missing what is not held
(default: false).

Returns {
    "owner": "text", "blocks": ["block_json"], "total": "integer",
    "missing": [{"sku_id": "uuid", "requested": "quantity", "held": "quantity", "missing": "quantity"}]
}
Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED.';

grant execute on function http.set_hold(
    inventory.hold_owner, inventory.hold_lines, inventory.reason, timestamptz, boolean, text
) to inventory_operator;
