create or replace function inventory.refusal_without_lock(
    p_line inventory.posting,
    p_kind inventory.movement_kind,
    p_on_hand numeric,
    p_reserved numeric,
    p_blocked numeric,
    p_at timestamptz
)
returns inventory.posted
language plpgsql
stable
as $$
declare
    v_stock store.stock;
begin
    -- A new snapshot, younger than the call: what it refuses was so while the call ran.
    select * into v_stock from store.stock as s where s.product_id = p_line.product_id;
    if found and p_line.quantity is distinct from 0 then
        return inventory.balance_refusal(
            p_line, v_stock, p_on_hand, p_reserved, p_blocked, p_kind.requires_active,
            case when v_stock.blocked > 0 then inventory.expired_quantity(p_line.product_id, p_at) else 0 end,
            inventory.held_at(p_line.product_id, p_line.location_id)
        );
    elsif p_line.product_id is null and p_line.kind in ('convert', 'cancel') then
        return inventory.block_refusal(p_line, null, p_at);
    elsif not exists (select from store.product as p where p.id = p_line.product_id) then
        return inventory.refusal(
            'IV003', -- PRODUCT_NOT_FOUND
            format('Product %s does not exist.', coalesce(p_line.product_id::text, 'null'))
        );
    elsif p_line.quantity is distinct from 0 then
        return inventory.refusal(
            'IV019', -- INVENTORY_NOT_INITIALIZED
            format('Product %s has no inventory yet.', p_line.product_id)
        );
    end if;
    return null;
end;
$$;

comment on function inventory.refusal_without_lock(
    inventory.posting, inventory.movement_kind, numeric, numeric, numeric, timestamptz
) is
'Why a line cannot succeed as things stand; null: with the lock it may.';
