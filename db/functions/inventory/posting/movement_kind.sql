create or replace function inventory.movement_kind(p_kind text)
returns inventory.movement_kind
language plpgsql
immutable
parallel safe
as $$
begin
    -- On hand, reserved, blocked: the sign of the quantity; needs an active inventory; protects the product from deletion;
    -- is of a sale; undoes an arrival or a departure.
    return case p_kind
        when 'reserve' then '(0,1,0,t,t,f,)'::inventory.movement_kind
        when 'release' then '(0,-1,0,f,t,f,)'::inventory.movement_kind
        when 'consume' then '(-1,-1,0,f,t,f,)'::inventory.movement_kind
        when 'block' then '(0,0,1,t,t,f,)'::inventory.movement_kind
        when 'convert' then '(-1,0,0,f,t,f,)'::inventory.movement_kind
        when 'cancel' then '(0,0,0,f,t,f,)'::inventory.movement_kind
        when 'expire' then '(0,0,0,f,t,f,)'::inventory.movement_kind
        when 'sale' then '(-1,0,0,t,t,t,)'::inventory.movement_kind
        when 'return' then '(1,0,0,f,t,t,departure)'::inventory.movement_kind
        when 'purchase' then '(1,0,0,t,t,f,)'::inventory.movement_kind
        when 'outflow' then '(-1,0,0,t,t,f,)'::inventory.movement_kind
        when 'delete_outflow' then '(1,0,0,f,t,f,departure)'::inventory.movement_kind
        when 'inflow' then '(1,0,0,t,t,f,)'::inventory.movement_kind
        when 'delete_inflow' then '(-1,0,0,f,t,f,arrival)'::inventory.movement_kind
        when 'add' then '(1,0,0,t,t,f,)'::inventory.movement_kind
        when 'remove' then '(-1,0,0,t,t,f,)'::inventory.movement_kind
        when 'transfer' then '(0,0,0,f,t,f,)'::inventory.movement_kind
        when 'count' then '(1,0,0,f,t,f,)'::inventory.movement_kind
        when 'initial' then '(1,0,0,f,f,f,)'::inventory.movement_kind
        when 'adjust' then '(1,0,0,f,f,f,)'::inventory.movement_kind
        when 'delete_product' then '(-1,0,0,f,f,f,arrival)'::inventory.movement_kind
    end;
end;
$$;

comment on function inventory.movement_kind(text) is
'What movements of a kind do to the balances and count as: the one definition; null for no kind.

on_hand, reserved, blocked: 1 where the quantity is added, -1 where it is taken. A block''s end (convert, cancel, expire) also takes
the whole block from blocked. requires_active: refused where the inventory is not active. is_history: a product with such a
movement cannot be deleted. is_sale: counted by the sales. undoes: what it takes back, arrival or departure.';
