create or replace function inventory.movement_kind(p_kind text)
returns inventory.movement_kind
language plpgsql
immutable
parallel safe
as $$
begin
    -- The columns, which the function's comment explains: on_hand, reserved, blocked, requires_active, is_history, is_sale,
    -- undoes.
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
        when 'kit_consume' then '(0,-1,0,f,t,f,)'::inventory.movement_kind
        when 'kit_convert' then '(0,0,0,f,t,f,)'::inventory.movement_kind
        when 'kit_sale' then '(0,0,0,t,t,t,)'::inventory.movement_kind
        when 'kit_return' then '(0,0,0,f,t,t,)'::inventory.movement_kind
        when 'part_sale' then '(-1,0,0,t,t,t,)'::inventory.movement_kind
        when 'part_return' then '(1,0,0,f,t,t,departure)'::inventory.movement_kind
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
        when 'repair' then '(1,0,0,f,f,f,break)'::inventory.movement_kind
    end;
end;
$$;

comment on function inventory.movement_kind(text) is
'The definition of a kind of movement: how it changes the balances, and how it is counted. Null if there is no such kind.

on_hand, reserved, blocked: 1 if the quantity is added to the balance, -1 if it is subtracted. The kinds that end a block
(convert, kit_convert, cancel, expire) also subtract the whole block from blocked. The kinds kit_… are those of a kit, which has
no units of its own; part_sale and part_return are what a sale and a return of a kit do to its parts. requires_active: a line of
this kind is refused if the inventory is not active. is_history: a product with such a movement cannot be deleted. is_sale: the
movement counts as a sale. undoes: the movement takes back an arrival, a departure, or a break of the chain: a change of the
balances that no movement made.';
