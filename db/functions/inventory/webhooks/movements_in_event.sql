create or replace function inventory.movements_in_event(p_first store.movement, p_last store.movement)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'product', inventory.product_in_event(p_last.product_id),
        'first_number', p_first.number,
        'last_number', p_last.number,
        'occurred_at', inventory.instant_text(p_last.occurred_at),
        'before', inventory.balances_in_event(p_first.on_hand_before, p_first.reserved_before, p_first.blocked_before),
        'after', inventory.balances_in_event(p_last.on_hand_after, p_last.reserved_after, p_last.blocked_after)
    );
end;
$$;

comment on function inventory.movements_in_event(store.movement, store.movement) is
'The movements of a product from the first to the last as one change, as webhook events show it: {"product", "first_number",
"last_number", "occurred_at", "before", "after"}.';
