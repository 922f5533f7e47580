create or replace function inventory.convert_hold(
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
    v_held store.block [];
    v_active store.block [];
    v_posted inventory.posted;
begin
    v_held := inventory.lock_hold(p_owner);
    v_active := inventory.complete_hold(p_owner, inventory.clock(), v_held);
    foreach v_posted in array inventory.post_with_parts(
        array(
            select inventory.line('convert', b.product_id, p_reason => p_reason, p_actor => p_actor, p_block_id => b.id)
            from unnest(v_active) as b
            order by b.id
        )
    )
    loop
        if v_posted.sqlstate is not null then
            perform inventory.raise_refusal(v_posted);
        end if;
        return next v_posted.block;
    end loop;
end;
$$;

comment on function inventory.convert_hold(inventory.hold_owner, inventory.reason, text) is
'Convert all active blocks of an owner into departures, all or none, and return them, oldest first.

Never takes only a part: see the errors. Locks the owner, then the stock rows of the products in order of id.

Errors: BLOCK_EXPIRED if a block of the owner has expired, unless inventory.set_hold or cancel_hold was called since, or a block
of the same product was created since; if there is no block to convert, BLOCK_CONVERTED, BLOCK_CANCELLED or BLOCK_EXPIRED by the
newest one, or BLOCK_NOT_FOUND; TOO_MANY_LAYERS; 40001.';

grant execute on function inventory.convert_hold(inventory.hold_owner, inventory.reason, text) to inventory_operator;
