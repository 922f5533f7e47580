create or replace function inventory.balances_of(
    p_product_id bigint,
    p_at timestamptz default inventory.clock(),
    out on_hand numeric,
    out reserved numeric,
    out blocked numeric,
    out available numeric,
    out status text,
    out is_kit boolean
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
        s.status,
        s.is_kit
    into on_hand, reserved, blocked, status, is_kit
    from store.stock as s
    where s.product_id = p_product_id;
    if is_kit then
        available := inventory.kit_available(p_product_id, p_at);
        on_hand := available + reserved + blocked;
    else
        available := on_hand - reserved - blocked;
    end if;
end;
$$;

comment on function inventory.balances_of(bigint, timestamptz) is
'A product''s current balances. Units of blocks that have expired by p_at count as available, even if the blocks have not been
ended. A kit has as many available as its parts allow, and the promised ones besides on hand.

All values are null for a product without an inventory.';
