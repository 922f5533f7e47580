create or replace function http.list_changes(
    p_after text default null,
    p_limit inventory.page_limit default 100
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_changes inventory.change [];
    v_last inventory.change;
begin
    v_changes := array(select c from inventory.changes_after(p_after, p_limit) as c);
    v_last := v_changes[cardinality(v_changes)];
    return json_build_object(
        'changes',
        (
            select coalesce(json_agg(r order by c.position), '[]')
            from unnest(v_changes) with ordinality as c (
                feed_key, feed_id, type, product_id, actor, occurred_at, created_at, data, position
            )
            left join store.product_ever as p on c.product_id = p.id
            cross join lateral ( -- noqa: ST05
                select
                    inventory.feed_cursor(c.feed_key, c.feed_id) as cursor,
                    c.type,
                    c.product_id,
                    p.sku_id,
                    p.sku,
                    c.actor,
                    inventory.instant_text(c.occurred_at) as occurred_at,
                    inventory.instant_text(c.created_at) as created_at,
                    c.data
            ) as r
        ),
        'next',
        coalesce(
            inventory.feed_cursor(v_last.feed_key, v_last.feed_id),
            (select inventory.feed_cursor(p.feed_key, p.feed_id) from inventory.feed_position(p_after) as p)
        )
    );
end;
$$;

comment on function http.list_changes(text, inventory.page_limit) is
'List the changes of stock, products and prices after a cursor, oldest first.

after: the cursor of the last change that was read, or next of the last answer; "latest" for the end of the list; without it, the
list starts at its beginning. limit: 1 to 1000 (default 100). wait: if there is no change yet, wait for one for up to that many
seconds (0 to 30, default 0; over HTTP alone). The order never changes: nothing that commits later has a place before what was
read, so a client that keeps the last cursor misses nothing and sees nothing twice.

type is movement, product, inventory (status or reorder point), price (the active price) or block (its end was moved). The data of
a movement has its id, number, kind, the balances before and after, reference and reason. The data of another change has action
(create, change or delete), id, and the changed fields before and after.

Returns {"changes": [{"cursor": "text", "type": "text", "product_id": "integer", "sku_id": "uuid", "sku": "sku_code", "actor":
"text", "occurred_at": "timestamp", "created_at": "timestamp", "data": "object"}], "next": "text"}';

grant execute on function http.list_changes(text, inventory.page_limit) to inventory_integration;
