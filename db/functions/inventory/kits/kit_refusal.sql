create or replace function inventory.kit_refusal(p_line inventory.posting)
returns inventory.posted
language plpgsql
stable
as $$
declare
    v_available numeric;
begin
    if inventory.kit_kind(p_line.kind) is null then
        return inventory.refusal(
            'IV050', -- KIT_HOLDS_NO_STOCK
            format('Product %s is a kit: it has no units of its own.', p_line.product_id)
        );
    elsif p_line.kind in ('reserve', 'block', 'sale') and p_line.quantity = trunc(p_line.quantity) then
        v_available := inventory.kit_available(p_line.product_id, inventory.clock());
        if p_line.quantity > v_available then
            return inventory.not_enough_available(v_available, p_line.quantity);
        end if;
    end if;
    return inventory.refusal('40001', format('Product %s is a kit: its parts must be posted with it.', p_line.product_id));
end;
$$;

comment on function inventory.kit_refusal(inventory.posting) is
'The refusal of a line that names a kit and no parts.

KIT_HOLDS_NO_STOCK if a kit cannot be in such a line; INSUFFICIENT_STOCK if its parts have too few, decided from one snapshot
without a lock. Otherwise 40001: a function that posts one line then calls inventory.post_with_parts, and a batch gives the call
back to be made alone.';
