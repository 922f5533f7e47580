create or replace function http.stock_condition(p_state inventory.stock_state)
returns text
language plpgsql
immutable
parallel safe
as $$
begin
    return case p_state
        when 'low' then ' and s.is_low and not s.is_kit'
        -- The balances of the row rule out most products. What is left may be a kit, or have expired blocks.
        when 'sold_out' then
            ' and s.status = ''active'' and (s.is_kit or s.on_hand - s.reserved - s.blocked = 0)'
            ' and (select b.available from store.balance as b where b.product_id = s.product_id) = 0'
    end;
end;
$$;

comment on function http.stock_condition(inventory.stock_state) is
'The SQL condition, to be added to others, that a row s of store.stock is in this state. Null if p_state is null.';
