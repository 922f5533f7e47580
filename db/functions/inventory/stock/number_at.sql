create or replace function inventory.number_at(p_stock store.stock, p_at timestamptz)
returns bigint
language sql
stable
as $$
select
    p_stock.last_number
    + case when p_stock.blocked > 0 then inventory.expired_count(p_stock.product_id, p_at) else 0 end
    + case when p_stock.is_kit then inventory.kit_number(p_stock.product_id, p_at) else 0 end
$$;

comment on function inventory.number_at(store.stock, timestamptz) is
'The number of a product''s last movement at the present instant p_at. A block that has expired counts as its movement, even if no
job has ended it yet. The movements of a kit''s parts count as the kit''s own. PostgreSQL inlines the function.';
