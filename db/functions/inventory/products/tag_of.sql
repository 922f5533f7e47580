create or replace function inventory.tag_of(p_product store.product, p_number bigint, p_at timestamptz)
returns setof text
language sql
stable
rows 1
as $$
select
    coalesce(p_number, 0)
    || '.'
    || p_product.version
    -- An array and no count(*): an aggregate costs each read 1 µs, and nearly always there is nothing to count.
    + cardinality(array(select t.at from store.price_turn as t where t.product_id = p_product.id and t.at <= p_at))
$$;

comment on function inventory.tag_of(store.product, bigint, timestamptz) is
'The tag of a product at the present instant p_at: see inventory.product_tag.

p_number: inventory.number_at, or store.balance.number; null without an inventory. The version counts prices that have begun or
ended and that no job has processed yet. So the tag changes on time, and the jobs leave it as it is. PostgreSQL inlines the
function, so that a query can join it laterally.';
