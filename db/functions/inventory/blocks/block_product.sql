create or replace function inventory.block_product(p_block_id uuid)
returns bigint
language plpgsql
stable
as $$
begin
    return (select b.product_id from store.block as b where b.id = p_block_id);
end;
$$;

comment on function inventory.block_product(uuid) is
'The product of a block, which never changes; null if there is no such block.';
