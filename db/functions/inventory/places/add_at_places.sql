-- What inventory.place_order does for an Add, for many at once: a delivery of a thousand lines is one update of the stock rows
-- and one insert into each table. Orders of which one would be refused go one by one, so that it is said why.
create or replace function inventory.add_at_places(p_orders inventory.art_orders, p_actor text)
returns store.art_operation[]
language plpgsql
volatile
set plan_cache_mode = force_custom_plan
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_operations store.art_operation [];
begin
    if not (
        select
            bool_and(
                coalesce(
                    o.type = 'Add'
                    and o.quantity > 0
                    and o.sufficient_stock is not false
                    and s.status = 'active'
                    and s.on_hand < 1000000000 - t.quantity,
                    false
                )
            )
        from unnest(p_orders) as o
        left join store.product as p on o.sku = p.sku
        left join store.stock as s on p.id = s.product_id
        cross join (select sum(a.quantity) as quantity from unnest(p_orders) as a) as t
    ) then
        return null;
    end if;

    perform inventory.location_id(n.code, p_is_made => true)
    from (
        select o.to_location as code
        from unnest(p_orders) with ordinality as o (
            type, sku, quantity, from_location, to_location, reason, sufficient_stock, position
        )
        group by o.to_location
        order by min(o.position)
    ) as n;

    with line as materialized (
        select
            i.*,
            nextval('store.movement_id_seq') as movement_id,
            nextval('store.art_operation_id_seq') as operation_id
        from (
            select
                o.position,
                p.id as product_id,
                p.sku,
                p.cost_price,
                l.id as location_id,
                l.code,
                o.quantity,
                o.reason,
                round(o.quantity * p.cost_price, 3) as value,
                case when p.cost_price is null then 0 else o.quantity end as known
            from unnest(p_orders) with ordinality as o (
                type, sku, quantity, from_location, to_location, reason, sufficient_stock, position
            )
            inner join store.product as p on o.sku = p.sku
            inner join store.location as l on o.to_location = l.code
            order by o.position
        ) as i
    ),

    running as (
        select
            l.*,
            sum(l.quantity) over product as quantity_so_far,
            sum(l.known) over product as known_so_far,
            sum(coalesce(l.value, 0)) over product as value_so_far,
            sum(l.quantity) over place as place_so_far
        from line as l
        window
            product as (partition by l.product_id order by l.position),
            place as (partition by l.product_id, l.location_id order by l.position)
    ),

    balance as (
        update store.stock as s
        set
            on_hand = s.on_hand + t.quantity,
            located = s.located + t.quantity,
            average_quantity = s.average_quantity + t.known,
            average_value = s.average_value + t.value,
            updated_at = v_now
        from (
            select l.product_id, sum(l.quantity) as quantity, sum(l.known) as known, sum(coalesce(l.value, 0)) as value
            from line as l
            group by l.product_id
        ) as t
        where s.product_id = t.product_id
        returning
            s.product_id,
            s.on_hand - t.quantity as on_hand,
            s.reserved,
            s.blocked,
            s.average_quantity - t.known as average_quantity,
            s.average_value - t.value as average_value
    ),

    place_total as (
        select l.product_id, l.location_id, sum(l.quantity) as quantity, min(l.position) as position
        from line as l
        group by l.product_id, l.location_id
    ),

    place as (
        insert into store.location_stock as h (product_id, location_id, quantity, arrived_at)
        -- Who names no place takes of places in the order of these lines.
        select t.product_id, t.location_id, t.quantity, v_now + t.position * interval '1 microsecond'
        from place_total as t
        on conflict (product_id, location_id) do update
        set
            quantity = h.quantity + excluded.quantity,
            arrived_at = case
                when h.quantity = 0 then excluded.arrived_at else least(h.arrived_at, excluded.arrived_at)
            end
        returning h.product_id, h.location_id, h.quantity
    ),

    written as (
        insert into store.movement (
            product_id, id, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before,
            blocked_after, cost, average_quantity, average_value, reference, reason, actor, occurred_at, created_at
        )
        select
            r.product_id, r.movement_id, 'add', b.on_hand + r.quantity_so_far - r.quantity, b.on_hand + r.quantity_so_far,
            b.reserved, b.reserved, b.blocked, b.blocked, r.value, b.average_quantity + r.known_so_far,
            b.average_value + r.value_so_far, r.operation_id::text, r.reason, coalesce(p_actor, session_user), v_now, v_now
        from running as r
        inner join balance as b on r.product_id = b.product_id
        order by r.position
    ),

    layer as (
        insert into store.cost_layer (
            product_id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
        )
        select l.product_id, l.movement_id, v_now, l.quantity, l.quantity, l.cost_price, l.value, l.value
        from line as l
        order by l.position
    ),

    place_line as (
        insert into store.location_movement (product_id, movement_id, location_id, quantity_before, quantity_after)
        select
            r.product_id, r.movement_id, r.location_id, p.quantity - t.quantity + r.place_so_far - r.quantity,
            p.quantity - t.quantity + r.place_so_far
        from running as r
        inner join place as p on r.product_id = p.product_id and r.location_id = p.location_id
        inner join place_total as t on r.product_id = t.product_id and r.location_id = t.location_id
        order by r.position
    ),

    operation as (
        insert into store.art_operation as a (
            id, operation_type, product_id, sku, quantity, to_location, reason, movement_id, actor, created_at
        ) overriding system value
        select
            l.operation_id, 'Add', l.product_id, l.sku, l.quantity, l.code, l.reason, l.movement_id,
            coalesce(p_actor, session_user), v_now
        from line as l
        order by l.position
        returning a.id, a as operation
    )

    select array_agg(o.operation order by o.id) into v_operations from operation as o;
    if coalesce(cardinality(v_operations), 0) < cardinality(p_orders) then
        -- Some are booked and some are not: the caller would take that for a refusal, and book the former again.
        raise exception using
            errcode = 'serialization_failure',
            message = 'A product got another SKU code meanwhile.';
    end if;
    return v_operations;
end;
$$;

comment on function inventory.add_at_places(inventory.art_orders, text) is
'Carry out orders that are all Adds, at once, as inventory.place_order would one by one; null, and nothing is done, where one is
none or would be refused. The caller has checked them, and locked what they are about (inventory.lock_orders). Errors: 40001 where
a product was renamed meanwhile: try again.';
