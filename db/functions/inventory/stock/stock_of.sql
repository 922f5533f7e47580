create or replace function inventory.stock_of(
    p_product_id bigint,
    p_at timestamptz default inventory.clock(),
    out on_hand numeric,
    out reserved numeric,
    out blocked numeric,
    out available numeric,
    out status text
)
returns record
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    select b.on_hand, b.reserved, b.blocked, b.available, b.status into on_hand, reserved, blocked, available, status
    from inventory.balances_of(p_product_id, p_at) as b;
end;
$$;

comment on function inventory.stock_of(bigint, timestamptz) is
'A product''s current balances. Units of blocks that have expired by p_at count as available, even if the blocks have not been
ended.

All values are null for a product without an inventory. See inventory.balances_of.';

grant execute on function inventory.stock_of(bigint, timestamptz) to inventory_operator;
