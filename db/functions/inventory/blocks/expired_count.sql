create or replace function inventory.expired_count(p_product_id bigint, p_at timestamptz)
returns bigint
language plpgsql
stable
as $$
begin
    return (
        select count(*)
        from store.block as b
        where b.product_id = p_product_id and inventory.is_expired_block(b, p_at)
    );
end;
$$;

comment on function inventory.expired_count(bigint, timestamptz) is
'How many blocks of a product have expired by p_at but have not been ended yet: so many movements are still to be written.';
