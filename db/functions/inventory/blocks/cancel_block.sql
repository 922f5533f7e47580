create or replace function inventory.cancel_block(
    p_block_id uuid,
    p_reason inventory.reason default null,
    p_actor text default null,
    p_expected text default null
)
returns store.block
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_expected is not null then
        perform inventory.require_expected(inventory.block_product(p_block_id), p_expected);
    end if;
    return (inventory.post_line(
        inventory.line(
            'cancel', inventory.block_product(p_block_id), p_reason => p_reason, p_actor => p_actor, p_block_id => p_block_id
        )
    )).block;
end;
$$;

comment on function inventory.cancel_block(uuid, inventory.reason, text, text) is
'End a block and make its units available again.

Errors: BLOCK_NOT_FOUND, BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_EXPIRED, BLOCK_OF_KIT.';

grant execute on function inventory.cancel_block(uuid, inventory.reason, text, text) to inventory_operator;
