create or replace function inventory.prepare_orders(
    p_orders inventory.art_order[],
    p_actors text[],
    out operations store.art_operation[],
    out lines inventory.posting[],
    out refusals inventory.posted[],
    out new_locations bigint[]
)
returns record
language plpgsql
volatile
set plan_cache_mode = force_custom_plan
as $$
declare
    v_codes text [];
    v_order record;
    v_operation store.art_operation;
begin
    -- Create missing locations before any product is locked. Every caller locks their codes in the same order; the locations are
    -- created in the order of the orders.
    v_codes := array(
        select o.to_location
        from unnest(p_orders) with ordinality as o
        where
            o.type <> 'Remove'
            and o.sufficient_stock is not false
            and not exists (select from store.location as l where l.code = o.to_location)
        group by o.to_location
        order by min(o.ordinality)
    );
    perform pg_advisory_xact_lock(hashtextextended('location ' || c.code, 0))
    from (select u.code from unnest(v_codes) as u (code) order by u.code collate "C") as c;
    new_locations := array(
        select inventory.location_id(c.code, p_is_made => true)
        from unnest(v_codes) with ordinality as c (code, position)
        -- The previous holder of the lock may have created it.
        where not exists (select from store.location as l where l.code = c.code)
        order by c.position
    );
    operations := '{}'::store.art_operation [];
    lines := '{}'::inventory.posting [];
    refusals := '{}'::inventory.posted [];
    for v_order in
        select
            o.*,
            p.id as product_id,
            p.sku as code,
            l.code as location,
            l.id as location_id,
            case when o.type = 'Transfer' then t.id end as to_location_id,
            coalesce(o.from_location, o.to_location) as named
        from unnest(p_orders) with ordinality as o
        left join store.product as p on o.sku = p.sku
        left join store.location as l
            on l.code = case when o.type in ('Remove', 'Transfer') then o.from_location else o.to_location end
        left join store.location as t on o.to_location = t.code
        order by o.ordinality
    loop
        v_operation.id := nextval('store.art_operation_id_seq');
        v_operation.operation_type := v_order.type;
        v_operation.product_id := v_order.product_id;
        v_operation.sku := v_order.sku;
        v_operation.quantity := v_order.quantity;
        v_operation.from_location := case when v_order.type in ('Remove', 'Transfer') then v_order.from_location end;
        v_operation.to_location := case when v_order.type <> 'Remove' then v_order.to_location end;
        v_operation.reason := v_order.reason;
        v_operation.actor := coalesce(p_actors[v_order.ordinality], session_user);
        operations := operations || v_operation;
        refusals := refusals || case
            when v_order.product_id is null then
                inventory.refusal(
                    'IV003', -- PRODUCT_NOT_FOUND
                    format('SKU %s does not exist in the products table', v_order.sku),
                    jsonb_build_object('sku', v_order.sku)
                )
            when v_order.sufficient_stock is false then inventory.location_refusal(v_order.sku, v_order.named, '{}')
        end;
        -- 0 stands for a location that does not exist yet, so that it has no stock.
        lines := lines || inventory.line(
            case when v_order.product_id is not null and v_order.sufficient_stock is not false then lower(v_order.type) end,
            v_order.product_id,
            case when v_order.type <> 'Count' then v_order.quantity end,
            v_operation.id::text,
            v_order.reason,
            v_operation.actor,
            p_location_id => coalesce(v_order.location_id, 0),
            p_to_location_id => v_order.to_location_id,
            p_counted => case when v_order.type = 'Count' then v_order.quantity end
        );
    end loop;
end;
$$;

comment on function inventory.prepare_orders(inventory.art_order[], text[]) is
'Translate ART orders into operations and into lines for inventory.post, one of each for every order, in order.

An order that can be refused without looking at the stock (an unknown SKU, sufficient_stock false) has a refusal, and its line has
no kind. Creates locations that are missing; inventory.finish_orders removes those that no order used. It must be called before
any product is locked. p_actors: the actor of each order. Errors: 40001.';
