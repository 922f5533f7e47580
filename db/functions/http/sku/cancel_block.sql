create or replace function http.cancel_block(
    p_block_id uuid,
    p_reason inventory.reason default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_block constant store.block := inventory.cancel_block(p_block_id, p_reason, p_actor);
begin
    return json_build_object(
        'block_id', v_block.id,
        'status', v_block.status,
        'cancelled_at', inventory.instant_text(v_block.ended_at),
        'reason', v_block.ended_reason
    );
end;
$$;

comment on function http.cancel_block(uuid, inventory.reason, text) is
'Cancel a block: its units are available again.

Returns {"block_id": "uuid", "status": "cancelled", "cancelled_at": "timestamp", "reason": "text?"}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED.';

grant execute on function http.cancel_block(uuid, inventory.reason, text) to inventory_operator;
