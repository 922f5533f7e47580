create or replace function inventory.delete_product(
    p_product_id bigint,
    p_actor text default null,
    p_expected text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_stock store.stock;
    v_product store.product;
begin
    select * into v_stock from store.stock as s where s.product_id = p_product_id for update;
    select * into v_product from store.product as p where p.id = p_product_id for update;
    if not found then
        perform inventory.require_product(p_product_id);
    end if;
    if v_stock.product_id is null and exists (select from store.stock as s where s.product_id = p_product_id) then
        -- Another caller initialized the inventory while this call waited for the lock of the product.
        raise exception using
            errcode = 'serialization_failure',
            message = 'The product changed meanwhile.';
    end if;

    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    if
        v_stock.reserved > 0
        or exists (
            select from store.movement as m
            inner join inventory.movement_kinds() as k on m.kind = k.kind and k.is_history
            where m.product_id = p_product_id
        )
        or exists (select from store.opening_balance as b where b.product_id = p_product_id and b.has_history)
        or exists (select from store.art_operation as o where o.product_id = p_product_id)
        or exists (select from store.count_line as l where l.product_id = p_product_id)
        or exists (select from store.kit_part as k where k.part_id = p_product_id)
    then
        raise exception using
            errcode = 'IV039', -- PROTECTED
            message = 'The product cannot be deleted: it has a history of flows, trade, blocks, reservations or orders, or is a'
                ' part of a kit.',
            hint = 'Set its inventory to archived instead.';
    end if;

    if v_stock.on_hand > 0 then
        perform inventory.post_line(inventory.line('delete_product', p_product_id, v_stock.on_hand, p_actor => p_actor));
    end if;
    insert into store.deleted_product (
        id, sku_id, sku, name, description, unit_id, stocked_at, created_at, deleted_at, deleted_by
    )
    values (
        v_product.id, v_product.sku_id, v_product.sku, v_product.name, v_product.description, v_stock.unit_id,
        v_stock.created_at, v_product.created_at, inventory.clock(), coalesce(p_actor, session_user)
    );
    perform inventory.record_change( -- before the stock row is gone, whose place in the change feed is needed
        'product',
        p_product_id::text,
        to_jsonb(v_product) || jsonb_build_object('status', v_stock.status, 'reorder_point', v_stock.reorder_point),
        null,
        p_actor,
        p_product_id
    );
    delete from store.stock as s where s.product_id = p_product_id;
    delete from store.product as p where p.id = p_product_id;
    perform inventory.add_product_total(-1, v_product.category_id, v_product.brand_id);
end;
$$;

comment on function inventory.delete_product(bigint, text, text) is
'Delete a product that has only its first stock and corrections of it, and is not a part of a kit.

A closing movement removes the stock. The ledger keeps the movements, cost layers and prices, and store.deleted_product keeps the
product that they belong to. The SKU code becomes free. Locks the product''s stock row, then its row. Errors: PRODUCT_NOT_FOUND,
PROTECTED; 40001 if the inventory was initialized in the meantime: try again.';

grant execute on function inventory.delete_product(bigint, text, text) to inventory_admin;
