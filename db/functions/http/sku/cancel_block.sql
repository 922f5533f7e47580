create or replace function http.cancel_block(
    p_block_id uuid,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return http.cancelled_json(inventory.cancel_block(p_block_id, p_reason, p_actor, p_expected));
end;
$$;

comment on function http.cancel_block(uuid, inventory.reason, text, text) is
'Cancel a block: its units become available again.

Returns {"block_id": "uuid", "status": "cancelled", "cancelled_at": "timestamp", "reason": "text?"}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_OF_KIT.';

grant execute on function http.cancel_block(uuid, inventory.reason, text, text) to inventory_operator;
