create or replace function http.extend_hold(
    p_owner inventory.hold_owner,
    p_expires_at timestamptz,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_blocks constant store.block [] := array(select b from inventory.extend_hold(p_owner, p_expires_at, p_actor) as b);
begin
    return http.hold_json(p_owner, v_blocks);
end;
$$;

comment on function http.extend_hold(inventory.hold_owner, timestamptz, text) is
'Move the end of all active blocks of an owner, all or none.

If a block of the owner has expired, nothing changes (409): PUT settles what is held now. A block of the same SKU that was created
since then counts as its successor.

owner: the id of the cart or order. expires_at: must be in the future. A block may last at most 30 days from its creation, which
is a setting.

Returns {"owner": "text", "blocks": ["block_json"], "total": "integer"}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED.';

grant execute on function http.extend_hold(inventory.hold_owner, timestamptz, text) to inventory_operator;
