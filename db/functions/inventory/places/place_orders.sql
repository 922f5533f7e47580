create or replace function inventory.place_orders(
    p_orders inventory.art_orders,
    p_atomic boolean default false,
    p_actor text default null
)
returns table (operation store.art_operation, error_sqlstate text, error_message text, error_detail text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_orders constant inventory.art_order [] := p_orders;
    v_order inventory.art_order;
    v_operations store.art_operation [];
    v_index integer;
begin
    perform inventory.require_argument('orders', p_orders is null);
    v_index := 0;
    foreach v_order in array v_orders loop
        perform inventory.check_order(
            v_order.type, v_order.quantity, v_order.from_location, v_order.to_location, jsonb_build_array('orders', v_index)
        );
        v_index := v_index + 1;
    end loop;
    perform inventory.lock_orders(p_orders);

    v_operations := inventory.add_at_places(p_orders, p_actor);
    v_index := cardinality(v_operations);
    if v_index is null then
        v_index := 0;
        -- All of them without a savepoint each: that is how nearly every call ends.
        begin
            foreach v_order in array v_orders loop
                v_operations[v_index + 1] := inventory.place_order(
                    v_order.type, v_order.sku, v_order.quantity, v_order.from_location, v_order.to_location, v_order.reason,
                    v_order.sufficient_stock, p_actor
                );
                v_index := v_index + 1;
            end loop;
        exception
            when others then
                get stacked diagnostics
                    error_sqlstate = returned_sqlstate, error_message = message_text, error_detail = pg_exception_detail;
                if error_sqlstate not like 'IV%' then
                    raise;
                elsif p_atomic then
                    raise exception using
                        errcode = error_sqlstate, -- as it was caught
                        message = error_message,
                        detail = coalesce(nullif(error_detail, '')::jsonb, '{}') || jsonb_build_object('failed_index', v_index);
                end if;
        end;
    end if;
    if v_index = cardinality(p_orders) then
        return query select o.*, null::text, null::text, null::text
        from (select unnest(v_operations) as operation) as o;
        return;
    end if;

    -- One failed: each for itself.
    foreach v_order in array v_orders loop
        error_sqlstate := null;
        error_message := null;
        error_detail := null;
        begin
            operation := inventory.place_order(
                v_order.type, v_order.sku, v_order.quantity, v_order.from_location, v_order.to_location, v_order.reason,
                v_order.sufficient_stock, p_actor
            );
        exception
            when others then
                operation := null;
                get stacked diagnostics
                    error_sqlstate = returned_sqlstate, error_message = message_text, error_detail = pg_exception_detail;
                if error_sqlstate not like 'IV%' then
                    raise;
                end if;
        end;
        return next;
    end loop;
end;
$$;

comment on function inventory.place_orders(inventory.art_orders, boolean, text) is
'Carry out 1 to 1000 ART orders one after the other: a row for each, in order, with its operation or the error that refused it.

p_atomic: the first that is refused undoes all; its error is raised, with failed_index (from 0) in DETAIL. An order whose fields
do not go together refuses the whole call (22023). Locks all products first, in order of id. Errors: see inventory.place_order;
40001 where a product was renamed meanwhile: try again.';

grant execute on function inventory.place_orders(inventory.art_orders, boolean, text) to inventory_operator;
