create or replace function inventory.finish_orders(
    p_operations store.art_operation[],
    p_refusals inventory.posted[],
    p_posted inventory.posted[],
    p_new_locations bigint[],
    out operations store.art_operation[],
    out refusals inventory.posted[]
)
returns record
language plpgsql
volatile
set plan_cache_mode = force_generic_plan
as $$
declare
    v_operation store.art_operation;
    v_posted inventory.posted;
    v_now constant timestamptz := inventory.clock();
begin
    operations := '{}'::store.art_operation [];
    refusals := '{}'::inventory.posted [];
    for i in 1..cardinality(p_operations)
    loop
        v_operation := p_operations[i];
        v_posted := case when (p_refusals[i]).sqlstate is null then p_posted[i] else p_refusals[i] end;
        if v_operation.operation_type = 'Count' then
            v_operation.booked_quantity := coalesce(v_operation.booked_quantity, v_posted.booked);
        end if;
        v_operation.movement_id := (v_posted.movement).id;
        v_operation.created_at := coalesce((v_posted.movement).created_at, v_now);
        if (p_posted[i]).sqlstate = 'IV001' then
            v_posted := inventory.location_refusal(
                v_operation.sku, coalesce(v_operation.from_location, v_operation.to_location), v_posted.detail
            );
        end if;
        operations := operations || v_operation;
        refusals := refusals || v_posted;
    end loop;

    insert into store.art_operation (
        id, operation_type, product_id, sku, quantity, from_location, to_location, booked_quantity, reason, movement_id,
        count_id, actor, created_at
    ) overriding system value
    select
        o.id, o.operation_type, o.product_id, o.sku, o.quantity, o.from_location, o.to_location, o.booked_quantity, o.reason,
        o.movement_id, o.count_id, o.actor, o.created_at
    from unnest(operations) with ordinality as o
    inner join unnest(refusals) with ordinality as r on o.ordinality = r.ordinality and r.sqlstate is null;

    if cardinality(p_new_locations) > 0 then
        delete from store.location as l
        using unnest(p_new_locations) as n (id)
        where
            l.id = n.id
            and not exists (
                select from unnest(operations) with ordinality as o
                inner join unnest(refusals) with ordinality as r on o.ordinality = r.ordinality and r.sqlstate is null
                where o.to_location = l.code
            );
    end if;
end;
$$;

comment on function inventory.finish_orders(store.art_operation[], inventory.posted[], inventory.posted[], bigint[]) is
'Write the audit trail of the posted ART orders, and return the refusals of the others.

p_operations, p_refusals, p_new_locations: the results of inventory.prepare_orders. p_posted: the results of inventory.post for
its lines.';
