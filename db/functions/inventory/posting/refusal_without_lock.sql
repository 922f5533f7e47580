create or replace function inventory.refusal_without_lock(
    p_line inventory.posting,
    p_stock store.stock,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_requires_active boolean,
    p_expired numeric,
    p_held numeric
)
returns inventory.posted
language plpgsql
stable
as $$
begin
    if p_stock.product_id is not null then
        return inventory.balance_refusal(
            p_line, p_stock, p_on_hand, p_reserved, p_blocked, p_requires_active, p_expired, p_held
        );
    elsif p_line.product_id is null and p_line.kind in ('convert', 'cancel') then
        return inventory.block_refusal(p_line.block_id, null, null);
    elsif not exists (select from store.product as p where p.id = p_line.product_id) then
        return inventory.no_product(p_line.product_id);
    end if;
    return inventory.refusal(
        'IV019', -- INVENTORY_NOT_INITIALIZED
        format('Product %s has no inventory yet.', p_line.product_id)
    );
end;
$$;

comment on function inventory.refusal_without_lock(
    inventory.posting, store.stock, numeric, numeric, numeric, boolean, numeric, numeric
) is
'The refusal of a line that cannot succeed, decided from a snapshot (p_stock, p_expired, p_held) without the lock.

Null if the line may succeed once the stock row is locked.';
