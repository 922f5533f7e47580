create or replace function inventory.set_stocks(p_items inventory.stock_findings, p_actor text default null)
returns setof store.stock_count
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_items constant inventory.stock_found [] := p_items;
    v_product_ids bigint [];
    v_product_id bigint;
    v_counts store.stock_count [];
    v_now timestamptz;
    v_posted inventory.posted [];
    v_refused integer;
begin
    perform inventory.require_argument('items', p_items is null);
    v_product_ids := array(
        select inventory.product_id(i.id) from unnest(v_items) with ordinality as i order by i.ordinality
    );
    if (select count(distinct p.id) from unnest(v_product_ids) as p (id)) < cardinality(v_items) then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'each product may be named once',
            detail = jsonb_build_object('field', 'items');
    end if;
    -- Lock all products before reading the clock: until the end of the transaction nothing moves that the counts do not know.
    for v_product_id in
        select p.id from unnest(v_product_ids) as p (id) order by p.id
    loop
        perform inventory.lock_product(v_product_id);
    end loop;
    v_now := inventory.clock();

    for v_position in 1..cardinality(v_items)
    loop
        v_counts[v_position] := inventory.count_of_stock(
            v_product_ids[v_position], v_items[v_position].quantity, coalesce(v_items[v_position].counted_at, v_now),
            v_items[v_position].reason, coalesce(p_actor, session_user), v_now
        );
    end loop;
    v_posted := inventory.post(
        array(
            select
                inventory.line(
                    case when c.created_at = v_now then 'count' end, c.product_id, c.difference,
                    p_reason => c.reason, p_actor => c.counted_by
                )
            from unnest(v_counts) with ordinality as c
            order by c.ordinality
        )
    );
    select min(r.ordinality) into v_refused from unnest(v_posted) with ordinality as r where r.sqlstate is not null;
    if v_refused is not null then
        v_posted[v_refused].detail := v_posted[v_refused].detail || jsonb_build_object('index', v_refused - 1);
        perform inventory.raise_refusal(v_posted[v_refused]);
    end if;

    for v_position in 1..cardinality(v_items)
    loop
        if (v_posted[v_position].movement).id is not null then
            v_counts[v_position].number := (v_posted[v_position].movement).number;
            v_counts[v_position].created_at := (v_posted[v_position].movement).created_at;
        end if;
    end loop;
    insert into store.stock_count
    select c.* from unnest(v_counts) as c
    on conflict (product_id, counted_at) do nothing;
    return query select c.* from unnest(v_counts) as c;
end;
$$;

comment on function inventory.set_stocks(inventory.stock_findings, text) is
'Set the stock on hand of 1 to 1000 products to what was counted, all or none.

counted_at is when the units were counted (null: now). The stock at that instant is set to the quantity, and what has moved since
keeps its effect: the difference between the count and the stock at that instant is added to the stock now, as one movement of
kind count. Units of unknown cost arrive at the product''s cost price; missing units leave first in, first out.

Returns a row for each item, in their order. The same count again changes nothing and returns the same row.

Locks the products in order of id. Errors: INSUFFICIENT_STOCK if units are missing that are reserved or blocked now;
INVENTORY_NOT_INITIALIZED, KIT_HOLDS_NO_STOCK, PRODUCT_NOT_FOUND, QUANTITY_OUT_OF_RANGE; 22023 if a product is named twice, or if
counted_at is in the future, before the product had an inventory, before the beginning of the ledger, or not after the product''s
last count.';

grant execute on function inventory.set_stocks(inventory.stock_findings, text) to inventory_operator;
