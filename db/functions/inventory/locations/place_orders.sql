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
    v_prepared record;
    v_operations store.art_operation [];
    v_refusals inventory.posted [];
    v_refusal inventory.posted;
begin
    perform inventory.require_argument('orders', p_orders is null);
    perform inventory.check_order(v_orders[i], i - 1) from generate_subscripts(v_orders, 1) as i;
    v_prepared := inventory.prepare_orders(v_orders, array_fill(p_actor, array[cardinality(v_orders)]));
    select f.operations, f.refusals into v_operations, v_refusals
    from inventory.finish_orders(
        v_prepared.operations, v_prepared.refusals, inventory.post(v_prepared.lines), v_prepared.new_locations
    ) as f;

    if p_atomic then
        for i in 1..cardinality(v_orders)
        loop
            v_refusal := v_refusals[i];
            if v_refusal.sqlstate is not null then
                v_refusal.detail := coalesce(v_refusal.detail, '{}') || jsonb_build_object('failed_index', i - 1);
                perform inventory.raise_refusal(v_refusal);
            end if;
        end loop;
    end if;
    return query
    select case when r.sqlstate is null then v_operations[r.ordinality] end, r.sqlstate, r.message, r.detail::text
    from unnest(v_refusals) with ordinality as r
    order by r.ordinality;
end;
$$;

comment on function inventory.place_orders(inventory.art_orders, boolean, text) is
'Carry out 1 to 1000 ART orders, one after the other, and return a row for each, in order: its operation, or the error.

p_atomic: the first order that is refused undoes all orders, and its error is raised with failed_index (from 0) in the DETAIL. An
order whose fields do not fit together refuses the whole call (22023). Errors: see inventory.place_order.';

grant execute on function inventory.place_orders(inventory.art_orders, boolean, text) to inventory_operator;
