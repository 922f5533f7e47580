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
'The product''s active price of this type at p_at, or no row: of the rules in force, the one that began last; of two of the same
instant, the one made last. One look-up in an index.

PostgreSQL inlines it where p_at is a value and not a call: a query joins it laterally.';
