-- What the release of migration 0003 could add: suppliers, units, purchases, sales and their returns, statuses.

insert into store.supplier (name, email, phone_number, created_at, updated_at)
values ('Kiln', 'kiln@example.com', '+254700000001', now(), now()), ('Glass', null, null, now(), now());
insert into store.unit (name, symbol) values ('Box', 'box');

select pg_temp.product('BOWL', 2), pg_temp.product('LISTED', p_has_stock => false);
select pg_temp.move('BOWL', 'initial', 10, p_unit_cost => 2);
update store.stock set reorder_point = 100, unit_id = 4 where product_id = pg_temp.id_of('BOWL');
update store.stock set status = 'archived' where product_id = pg_temp.id_of('EMPTY');

insert into store.purchase (
    product_id, number, supplier_id, movement_id, quantity, unit_cost, cost, actor, created_at, quantity_to_date, cost_to_date
)
select
    pg_temp.id_of('BOWL'), v.number, v.number, pg_temp.move('BOWL', 'purchase', v.quantity, p_unit_cost => v.unit_cost, p_reference => v.number::text),
    v.quantity, v.unit_cost, v.cost, 'somebody', now() - interval '1 hour', v.quantity_to_date, v.cost_to_date
from (values (1, 4, 2.5, 10, 4, 10), (2, 3, 0.333, 0.999, 7, 10.999)) as v (number, quantity, unit_cost, cost, quantity_to_date, cost_to_date);

-- A sale of 3, 1 of which came back, and one of 1.5 of what has no known cost to the end.
insert into store.sale (
    product_id, number, movement_id, quantity, unit_price, revenue, cost, actor, created_at, quantity_to_date, revenue_to_date,
    cost_to_date, without_cost_to_date
)
select
    pg_temp.id_of('BOWL'), 1, pg_temp.move('BOWL', 'sale', -3, p_reference => '1'), 3, 4, 12, 6, 'somebody', now(), 3, 12, 6, 0;
insert into store.sale (
    product_id, number, movement_id, quantity, unit_price, revenue, cost, returned_sale_id, actor, created_at,
    quantity_to_date, revenue_to_date, cost_to_date, without_cost_to_date
)
select
    pg_temp.id_of('BOWL'), 2, pg_temp.move('BOWL', 'return', 1, p_reference => '2', p_returns => s.movement_id), -1, 4, -4, -2, 1,
    'somebody', now(), 2, 8, 4, 0
from store.sale as s
where s.id = 1;

select pg_temp.move('MUG', 'adjust', -0.25);

-- A rule that another one of the same instant replaced.
insert into store.price (product_id, price_type, amount, effective_from, effective_to, created_at, updated_at)
select pg_temp.id_of('BOWL'), 'retail', v.amount, now() - interval '1 day', now() + v.until, now(), now()
from (values (5, interval '-1 day'), (6.5, null::interval)) as v (amount, until);
