create or replace function inventory.block_of_kit(p_block store.block)
returns inventory.posted
language plpgsql
immutable
as $$
begin
    return inventory.refusal(
        'IV051', -- BLOCK_OF_KIT
        format('Block %s belongs to block %s of a kit, and ends with it.', p_block.id, p_block.kit_block_id),
        jsonb_build_object('kit_block_id', p_block.kit_block_id)
    );
end;
$$;

comment on function inventory.block_of_kit(store.block) is
'The refusal to end or extend the block of a kit''s part alone.';
