create or replace function inventory.price_at(
    p_product_id bigint,
    p_price_type text default 'retail',
    p_at timestamptz default inventory.clock()
)
returns setof store.price
language sql
stable
rows 1
as $$
select p.*
from store.price as p
where p.product_id = p_product_id and p.price_type = p_price_type and inventory.is_in_force(p, p_at)
order by p.effective_from desc, p.id desc
limit 1
$$;

comment on function inventory.price_at(bigint, text, timestamptz) is
'The product''s active price of this type at p_at, or no row if there is none.

The active price is the rule in force that began last; if several began at the same instant, the one that was created last. It
costs one index lookup. PostgreSQL inlines the function if p_at is a value and not a function call, so that a query can join it
laterally.';
