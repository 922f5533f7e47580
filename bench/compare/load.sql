-- Loads products for the comparison (psql -v products=…). Ledger, layers and totals agree, as if the rules had written them.
--
-- Every product has a retail price and three arrivals: 7 at 2.000, 7 at 2.500, and 100 000 000 at 3.000, so that it never
-- runs out of stock. The UUID of product n ends in n, so that load generators can compute it.

insert into store.product (id, sku_id, sku, name, created_at, updated_at, cost_price, retail_price) overriding system value
select
    g, ('00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 'SKU-' || lpad(g::text, 7, '0'),
    'Product number ' || g, now(), now(), 3, 2.95
from generate_series(1, :products) as g;

insert into store.stock (product_id, on_hand, created_at, updated_at, average_quantity, average_value, last_number)
select g, 100000014, now(), now(), 100000014, 300000031.5, 3
from generate_series(1, :products) as g;

create temporary table arrival as
select *
from (
    values (1, 'initial', 0, 7, 2.0, 14.0), (2, 'add', 7, 14, 2.5, 31.5), (3, 'add', 14, 100000014, 3.0, 300000031.5)
) as a (step, kind, before, after, unit_cost, value);

insert into store.movement (
    product_id, id, number, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after,
    cost, actor, occurred_at, created_at, average_quantity, average_value
)
select
    g, (a.step - 1) * :products + g, a.step, a.kind, a.before, a.after, 0, 0, 0, 0,
    (a.after - a.before) * a.unit_cost, 'bench', now(), now(), a.after, a.value
from arrival as a
cross join generate_series(1, :products) as g
order by a.step, g;

insert into store.cost_layer (
    product_id, number, id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
) overriding system value
select
    g, a.step, (a.step - 1) * :products + g, (a.step - 1) * :products + g, now(), a.after - a.before, a.after - a.before,
    a.unit_cost, (a.after - a.before) * a.unit_cost, (a.after - a.before) * a.unit_cost
from arrival as a
cross join generate_series(1, :products) as g
order by a.step, g;

insert into store.price (product_id, price_type, amount, effective_from, created_at, updated_at)
select g, 'retail', 2.95, now(), now(), now()
from generate_series(1, :products) as g;

insert into store.row_total (subject, category_id, brand_id, delta) values ('product', 0, 0, :products);

select
    setval(pg_get_serial_sequence('store.product', 'id'), :products),
    setval('store.movement_id_seq', 3 * :products),
    setval(pg_get_serial_sequence('store.cost_layer', 'id'), 3 * :products);
