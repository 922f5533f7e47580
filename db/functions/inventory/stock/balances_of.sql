create or replace function inventory.balances_of(
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
as $$
begin
    select
        s.on_hand,
        s.reserved,
        case when s.blocked > 0 then s.blocked - inventory.expired_quantity(s.product_id, p_at) else s.blocked end,
        s.status
    into on_hand, reserved, blocked, status
    from store.stock as s
    where s.product_id = p_product_id;
    available := on_hand - reserved - blocked;
end;
$$;

comment on function inventory.balances_of(bigint, timestamptz) is
'A product''s current balances. Units of blocks that have expired by p_at count as available, even if the blocks have not been
ended.

All values are null for a product without an inventory.';
