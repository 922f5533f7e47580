create or replace function inventory.cancel_hold(
    p_owner inventory.hold_owner,
    p_reason inventory.reason default null,
    p_actor text default null
)
returns setof store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_held constant store.block [] := inventory.lock_hold(p_owner);
    v_now constant timestamptz := inventory.clock();
    v_posted constant inventory.posted [] := inventory.post_with_parts(
        array(
            select inventory.line('cancel', b.product_id, p_reason => p_reason, p_actor => p_actor, p_block_id => b.id)
            from unnest(v_held) as b
            where inventory.is_active_block(b, v_now)
            order by b.id
        )
    );
begin
    perform inventory.settle_hold(v_held);
    return query
    select (p.block).*
    from (
        -- A block that expired in the last moment was refused: it has ended as well.
        select r.block from unnest(v_posted) with ordinality as r where (r.block).id is not null order by r.ordinality
    ) as p;
end;
$$;

comment on function inventory.cancel_hold(inventory.hold_owner, inventory.reason, text) is
'Cancel all active blocks of an owner, and return them, oldest first: none if there is none.

Blocks of the owner that have expired do not stand in the way of inventory.convert_hold and extend_hold any more. Locks the owner,
then the stock rows of the products in order of id. Errors: 40001.';

grant execute on function inventory.cancel_hold(inventory.hold_owner, inventory.reason, text) to inventory_operator;
