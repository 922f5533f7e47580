create or replace function http.extend_block(
    p_block_id uuid,
    p_expires_at timestamptz,
    p_actor text default null,
    p_expected text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant uuid := (inventory.extend_block(p_block_id, p_expires_at, p_actor, p_expected)).id;
begin
    return (select b.item from http.block_json as b where b.id = v_id);
end;
$$;

comment on function http.extend_block(uuid, timestamptz, text, text) is
'Move the end of an active block.

expires_at must be in the future. The block may last at most 30 days from its creation, which is a setting.

Returns "block_json"
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_OF_KIT.';

grant execute on function http.extend_block(uuid, timestamptz, text, text) to inventory_operator;
