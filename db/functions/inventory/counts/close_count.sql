create or replace function inventory.close_count(p_count_id bigint, p_actor text default null)
returns store.count
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count store.count := inventory.lock_open_count(p_count_id);
    v_code constant text := (select l.code from store.location as l where l.id = v_count.location_id);
    v_actor constant text := coalesce(p_actor, session_user);
    v_line store.count_line;
    v_product store.product;
    v_operation store.art_operation;
    v_movement store.movement;
begin
    perform from store.stock as s
    where s.product_id in (select l.product_id from store.count_line as l where l.count_id = p_count_id)
    order by s.product_id
    for no key update;

    for v_line in
        select * from store.count_line as l where l.count_id = p_count_id order by l.product_id
    loop
        v_product := inventory.require_product(v_line.product_id);
        v_operation.id := nextval('store.art_operation_id_seq');
        v_movement := inventory.change_place(
            v_product, v_code, v_count.location_id, v_line.counted_quantity - v_line.booked_quantity, 'count',
            v_operation.id::text, format('count %s', p_count_id), v_actor, false
        );
        v_operation.operation_type := 'Count';
        v_operation.product_id := v_product.id;
        v_operation.sku := v_product.sku;
        v_operation.quantity := v_line.counted_quantity;
        v_operation.booked_quantity := v_line.booked_quantity;
        v_operation.to_location := v_code;
        v_operation.reason := format('count %s', p_count_id);
        v_operation.movement_id := v_movement.id;
        v_operation.count_id := p_count_id;
        v_operation.actor := v_actor;
        v_operation.created_at := coalesce(v_movement.created_at, inventory.clock());
        insert into store.art_operation overriding system value values (v_operation.*);

        update store.count_line as l
        set operation_id = v_operation.id
        where l.count_id = p_count_id and l.product_id = v_line.product_id;
    end loop;

    update store.count as c
    set status = 'closed', closed_by = v_actor, closed_at = inventory.clock()
    where c.id = p_count_id
    returning * into v_count;
    return v_count;
end;
$$;

comment on function inventory.close_count(bigint, text) is
'Book all differences of a count at once, each as a Count in the audit trail, and close it; all or nothing.

A difference is what was counted less what was booked when it was counted: what moved since stays as it is. What was not counted
is not touched. Locks the count, then the products in order of id. Errors: COUNT_CLOSED, COUNT_NOT_FOUND; INSUFFICIENT_STOCK where
less was found than is promised, or has left since.';

grant execute on function inventory.close_count(bigint, text) to inventory_operator;
