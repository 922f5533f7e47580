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
    v_reason constant text := format('count %s', p_count_id);
    v_operations store.art_operation [];
    v_lines inventory.posting [];
    v_done record;
    v_refusal inventory.posted;
begin
    v_operations := array(
        select
            row(
                nextval('store.art_operation_id_seq'), 'Count', p.id, p.sku, l.counted_quantity, null, v_code,
                l.booked_quantity, v_reason, null, p_count_id, v_actor, null
            )::store.art_operation
        from (select * from store.count_line as c where c.count_id = p_count_id order by c.product_id) as l
        inner join store.product as p on l.product_id = p.id
    );
    v_lines := array(
        select
            inventory.line(
                'count', o.product_id, o.quantity - o.booked_quantity, o.id::text, v_reason, v_actor,
                p_location_id => v_count.location_id
            )
        from unnest(v_operations) with ordinality as o
        order by o.ordinality
    );
    if cardinality(v_lines) > 0 then
        v_done := inventory.finish_orders(
            v_operations, array_fill(null::inventory.posted, array[cardinality(v_lines)]), inventory.post(v_lines), '{}'
        );
        foreach v_refusal in array v_done.refusals
        loop
            if v_refusal.sqlstate is not null then
                perform inventory.raise_refusal(v_refusal);
            end if;
        end loop;
        update store.count_line as l
        set operation_id = o.id
        from unnest(v_operations) as o
        where l.count_id = p_count_id and l.product_id = o.product_id;
    end if;

    update store.count as c
    set status = 'closed', closed_by = v_actor, closed_at = inventory.clock()
    where c.id = p_count_id
    returning * into v_count;
    return v_count;
end;
$$;

comment on function inventory.close_count(bigint, text) is
'Close a count and book all of its differences, each as a Count in the audit trail; all or none.

A difference is the counted quantity minus the quantity that was booked at the time of counting, so that later movements keep
their effect. Products that were not counted do not change. Locks the count, then the products in order of id. Errors:
COUNT_CLOSED, COUNT_NOT_FOUND; INSUFFICIENT_STOCK if a difference would remove units that are promised or that have left since.';

grant execute on function inventory.close_count(bigint, text) to inventory_operator;
