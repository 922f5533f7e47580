create or replace function inventory.changes_after(p_after text default null, p_limit inventory.page_limit default 100)
returns setof inventory.change
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- also while the tables are small: a plan that is kept must use the indexes of the feed
set enable_hashjoin = off
as $$
declare
    v_end constant bigint := inventory.feed_end();
    v_after constant record := inventory.feed_position(p_after);
begin
    return query
    select c.*
    from store.change as c
    where (c.feed_key, c.feed_id) > (v_after.feed_key, v_after.feed_id) and c.feed_key > 0 and c.feed_key < v_end
    order by c.feed_key, c.feed_id
    limit coalesce(p_limit, 100);
end;
$$;

comment on function inventory.changes_after(text, inventory.page_limit) is
'The changes of stock, products and prices after a cursor, in an order that never changes.

p_after: the cursor of the last change that was read, as inventory.feed_position takes it; null: from the beginning of the feed. A
change appears as soon as no transaction runs that began to write before it: so nothing that commits later ever has a place before
what was read. Errors: 22023 if p_after is not a cursor, or is later than the last change.';

grant execute on function inventory.changes_after(text, inventory.page_limit) to inventory_integration;
