create or replace function http.create_blocks(
    p_items inventory.block_lines,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null,
    p_owner inventory.hold_owner default null,
    p_allow_partial boolean default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_blocks constant store.block [] := array(
        select b
        from inventory.create_blocks(p_items, p_reason, p_expires_at, p_actor, p_owner, p_allow_partial) as b
    );
begin
    return json_build_object(
        'blocks', http.blocks_json(v_blocks),
        'total', cardinality(v_blocks),
        'missing', http.missing_json(p_items, v_blocks)
    );
end;
$$;

comment on function http.create_blocks(
    inventory.block_lines, inventory.reason, timestamptz, text, inventory.hold_owner, boolean
) is
'Create temporary blocks for several SKUs, all or none: one block for each line.

There may be 1 to 100 lines. Lines of the same SKU count together.

owner: the id of the cart or order that they are held for (default: none). allow_partial: where too little is available, hold what
there is and say in missing what is not held; a line that gets nothing has no block (default: false).

Returns {
    "blocks": ["block_json"], "total": "integer",
    "missing": [{"sku_id": "uuid", "requested": "quantity", "held": "quantity", "missing": "quantity"}]
}
Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE.';

grant execute on function http.create_blocks(
    inventory.block_lines, inventory.reason, timestamptz, text, inventory.hold_owner, boolean
) to inventory_operator;
