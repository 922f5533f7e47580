create or replace function http.convert_block(
    p_block_id uuid,
    p_quantity inventory.positive_quantity default null,
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
    return http.converted_json(inventory.convert_block(p_block_id, p_quantity, p_reason, p_actor, p_expected));
end;
$$;

comment on function http.convert_block(uuid, inventory.positive_quantity, inventory.reason, text, text) is
'Convert a block into a permanent reduction: its units leave the stock.

quantity: how many of the units leave (default: all). The others become available again.

Returns {"block_id": "uuid", "status": "converted", "quantity": "quantity", "converted_at": "timestamp", "reason":
"text?"}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_QUANTITY_EXCEEDED, BLOCK_OF_KIT, KIT_NOT_WHOLE.';

grant execute on function http.convert_block(
    uuid, inventory.positive_quantity, inventory.reason, text, text
) to inventory_operator;
