create or replace function http.get_hold(p_owner inventory.hold_owner)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
begin
    return http.hold_json(
        p_owner,
        array(
            select b
            from store.block as b
            where b.owner = p_owner and b.is_held and inventory.is_active_block(b, v_now)
            order by b.id
        )
    );
end;
$$;

comment on function http.get_hold(inventory.hold_owner) is
'Show what is held for an owner, a cart or an order: its active blocks, oldest first, all as of the same instant.

owner: the id that the cart or order has elsewhere. An owner that is not known holds nothing.

Returns {"owner": "text", "blocks": ["block_json"], "total": "integer"}';

grant execute on function http.get_hold(inventory.hold_owner) to inventory_operator;
