create or replace function http.convert_hold(
    p_owner inventory.hold_owner,
    p_reason inventory.reason default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select
            json_build_object(
                'owner', p_owner,
                'blocks', coalesce(json_agg(http.converted_json(b) order by b.id), '[]'),
                'total', count(*)
            )
        from inventory.convert_hold(p_owner, p_reason, p_actor) as b
    );
end;
$$;

comment on function http.convert_hold(inventory.hold_owner, inventory.reason, text) is
'Convert all active blocks of an owner into a permanent reduction, all or none: their units leave the stock.

If a block of the owner has expired, nothing changes (409): PUT settles what is held now. A block of the same SKU that was created
since then counts as its successor.

owner: the id of the cart or order.

Returns {
    "owner": "text",
    "blocks": [
        {"block_id": "uuid", "status": "converted", "quantity": "quantity", "converted_at": "timestamp", "reason": "text?"}
    ],
    "total": "integer"
}
Errors: BLOCK_NOT_FOUND, BLOCK_EXPIRED, BLOCK_CONVERTED, BLOCK_CANCELLED, TOO_MANY_LAYERS.';

grant execute on function http.convert_hold(inventory.hold_owner, inventory.reason, text) to inventory_operator;
