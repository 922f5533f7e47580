create or replace function inventory.kit_refusal(p_line inventory.posting)
returns inventory.posted
language plpgsql
immutable
as $$
begin
    if inventory.kit_kind(p_line.kind) is not null then
        return inventory.refusal('40001', format('Product %s is a kit: its parts must be posted with it.', p_line.product_id));
    end if;
    return inventory.refusal(
        'IV050', -- KIT_HOLDS_NO_STOCK
        format('Product %s is a kit: it has no units of its own.', p_line.product_id)
    );
end;
$$;

comment on function inventory.kit_refusal(inventory.posting) is
'The refusal of a line that names a kit and no parts.

40001 if inventory.post_with_parts can post the line: a function that posts one line then calls it, and a batch gives the call back to
be made alone. Otherwise KIT_HOLDS_NO_STOCK.';
