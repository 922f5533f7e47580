create or replace function inventory.extend_hold(
    p_owner inventory.hold_owner,
    p_expires_at timestamptz,
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
    v_now timestamptz;
    v_block store.block;
begin
    perform inventory.require_argument('expires_at', p_expires_at is null);
    v_held := inventory.lock_hold(p_owner);
    v_now := inventory.clock();
    foreach v_block in array inventory.complete_hold(p_owner, v_now, v_held)
    loop
        return next inventory.move_block_end(v_block, p_expires_at, v_now, p_actor);
    end loop;
end;
$$;

comment on function inventory.extend_hold(inventory.hold_owner, timestamptz, text) is
'Move the end of all active blocks of an owner to p_expires_at, all or none, and return them, oldest first.

p_expires_at has the limits of inventory.extend_block. Locks the owner, then the stock rows of the products in order of id.

Errors: BLOCK_EXPIRED if a block of the owner has expired, unless inventory.set_hold or cancel_hold was called since, or a block
of the same product was created since; if there is no block to extend, BLOCK_CONVERTED, BLOCK_CANCELLED or BLOCK_EXPIRED by the
newest one, or BLOCK_NOT_FOUND; 22023 for p_expires_at; 40001.';

grant execute on function inventory.extend_hold(inventory.hold_owner, timestamptz, text) to inventory_operator;
