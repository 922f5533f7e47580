-- What the release of migration 0004 could add: places, the audit trail of orders, counts.

insert into store.location (code, created_at) values ('RACK-A1-01', now()), ('RACK-B2-02', now());

-- 5 bowls are put at the first place, 2 of them go on to the second, where a count then finds 3.
insert into store.art_operation (
    operation_type, product_id, sku, quantity, from_location, to_location, booked_quantity, movement_id, actor, created_at
)
values
    ('Add', pg_temp.id_of('BOWL'), 'BOWL', 5, null, 'RACK-A1-01', null, pg_temp.move('BOWL', 'add', 5, p_unit_cost => 2), 'a', now()),
    ('Transfer', pg_temp.id_of('BOWL'), 'BOWL', 2, 'RACK-A1-01', 'RACK-B2-02', null, pg_temp.move('BOWL', 'transfer'), 'a', now()),
    ('Count', pg_temp.id_of('BOWL'), 'BOWL', 3, null, 'RACK-B2-02', 2, pg_temp.move('BOWL', 'count', 1, p_unit_cost => 2), 'a', now());
insert into store.location_movement (product_id, movement_id, location_id, quantity_before, quantity_after)
select o.product_id, o.movement_id, v.location_id, v.before, v.after
from (values ('Add', 1, 0, 5), ('Transfer', 1, 5, 3), ('Transfer', 2, 0, 2), ('Count', 2, 2, 3)) as v (type, location_id, before, after)
inner join store.art_operation as o on v.type = o.operation_type;
insert into store.location_stock (product_id, location_id, quantity, arrived_at)
values (pg_temp.id_of('BOWL'), 1, 3, now() - interval '1 hour'), (pg_temp.id_of('BOWL'), 2, 3, now());
update store.stock set located = 6 where product_id = pg_temp.id_of('BOWL');

insert into store.count (location_id, status, started_by, started_at, closed_by, closed_at)
values (2, 'closed', 'a', now(), 'a', now()), (1, 'open', 'a', now(), null, null), (1, 'cancelled', 'a', now(), 'a', now());
insert into store.count_line (count_id, product_id, counted_quantity, booked_quantity, counted_by, counted_at, operation_id)
select v.count_id, pg_temp.id_of('BOWL'), v.counted, v.booked, 'a', now(), v.operation_id
from (values (1, 3, 2, 3), (2, 4, 3, null)) as v (count_id, counted, booked, operation_id);
update store.art_operation set count_id = 1 where operation_type = 'Count';
