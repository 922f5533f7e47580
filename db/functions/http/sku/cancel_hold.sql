create or replace function http.cancel_hold(
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
                'blocks', coalesce(json_agg(http.cancelled_json(b) order by b.id), '[]'),
                'total', count(*)
            )
        from inventory.cancel_hold(p_owner, p_reason, p_actor) as b
    );
end;
$$;

comment on function http.cancel_hold(inventory.hold_owner, inventory.reason, text) is
'Cancel all active blocks of an owner: their units become available again.

owner: the id of the cart or order. If it holds nothing, the list is empty.

Returns {
    "owner": "text",
    "blocks": [{"block_id": "uuid", "status": "cancelled", "cancelled_at": "timestamp", "reason": "text?"}],
    "total": "integer"
}';

grant execute on function http.cancel_hold(inventory.hold_owner, inventory.reason, text) to inventory_operator;
