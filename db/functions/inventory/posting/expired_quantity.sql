create or replace function inventory.expired_quantity(p_product_id bigint, p_at timestamptz)
returns numeric
language plpgsql
stable
as $$
begin
    return coalesce(
        (
            select sum(b.quantity)
            from store.block as b
            where b.product_id = p_product_id and inventory.is_expired_block(b, p_at)
        ),
        0
    );
end;
$$;

comment on function inventory.expired_quantity(bigint, timestamptz) is
'The units that store.stock still counts as blocked although their blocks have expired by p_at.';
