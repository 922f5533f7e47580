create or replace function http.extend_block(p_block_id uuid, p_expires_at timestamptz)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_block constant store.block := inventory.extend_block(p_block_id, p_expires_at);
begin
    return http.block_json(v_block, (inventory.require_product(v_block.product_id)).sku_id);
end;
$$;

comment on function http.extend_block(uuid, timestamptz) is
'Move the end of an active block.

expires_at must be in the future and within the longest time that a block may last, 30 days unless set otherwise.

Returns {"block_id": "uuid", "sku_id": "uuid", "quantity": "quantity", "reason": "text?", "status": "active",
"expires_at": "timestamp", "created_at": "timestamp"}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED.';

grant execute on function http.extend_block(uuid, timestamptz) to inventory_operator;
