create or replace function http.convert_block(
    p_block_id uuid,
    p_quantity inventory.positive_quantity default null,
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
    v_block constant store.block := inventory.convert_block(p_block_id, p_quantity, p_reason, p_actor);
begin
    return json_build_object(
        'block_id', v_block.id,
        'status', v_block.status,
        'quantity', trim_scale(v_block.converted_quantity),
        'converted_at', inventory.instant_text(v_block.ended_at),
        'reason', v_block.ended_reason
    );
end;
$$;

comment on function http.convert_block(uuid, inventory.positive_quantity, inventory.reason, text) is
'Turn a block into a permanent reduction: its units leave.

quantity: how many of them leave; the rest is available again. Without it, all leave.

Returns {"block_id": "uuid", "status": "converted", "quantity": "quantity", "converted_at": "timestamp", "reason":
"text?"}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_QUANTITY_EXCEEDED.';

grant execute on function http.convert_block(
    uuid, inventory.positive_quantity, inventory.reason, text
) to inventory_operator;
