create or replace function inventory.convert_block(
    p_block_id uuid,
    p_quantity inventory.positive_quantity default null,
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
            'convert', inventory.block_product(p_block_id), p_quantity,
            p_reason => p_reason, p_actor => p_actor, p_block_id => p_block_id
        )
    )).block;
end;
$$;

comment on function inventory.convert_block(uuid, inventory.positive_quantity, inventory.reason, text, text) is
'Convert a block into a departure: its units leave, at the cost of the oldest cost layers.

p_quantity: how many of the block''s units leave; null: all of them. The others become available again. Errors: BLOCK_NOT_FOUND,
BLOCK_CONVERTED, BLOCK_CANCELLED, BLOCK_EXPIRED, BLOCK_QUANTITY_EXCEEDED, BLOCK_OF_KIT, KIT_NOT_WHOLE.';

grant execute on function inventory.convert_block(
    uuid, inventory.positive_quantity, inventory.reason, text, text
) to inventory_operator;
