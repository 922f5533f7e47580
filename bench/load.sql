-- Loads a million products and seven million movements. Ledger, layers and totals agree, as if the rules had written them.
--
-- Every product has 20 units at 2.000, a purchase of 10 at 3.000, a sale of 5 at 4.000, a reservation of 2, an inflow of 5
-- at 2.000 and an outflow of 5. It has one of 1000 categories, one of 500 brands, and a price of at most 100. Product 1 also
-- has 500 000 purchases of 1 at 3.000, each followed by a sale of 1 at 4.000. The movements are a millisecond apart, up to now.

\set products 1000000
\set pairs 500000

create temporary table word (n integer primary key, word text);
insert into word
select w.n - 1, w.word
from unnest(
    array['oak', 'steel', 'brass', 'linen', 'wool', 'glass', 'paper', 'cotton', 'amber', 'cobalt', 'ivory', 'scarlet', 'quartz']
) with ordinality as w (word, n);

insert into store.supplier (id, name, phone_number, created_at, updated_at) overriding system value
select g, 'Supplier ' || g, '+25470000' || g, now(), now() from generate_series(1, 1000) as g;

insert into store.category (id, name, created_at, updated_at) overriding system value
select g, 'Category ' || g, now(), now() from generate_series(1, 1000) as g;
insert into store.brand (id, name, created_at, updated_at) overriding system value
select g, 'Brand ' || g, now(), now() from generate_series(1, 500) as g;

insert into store.product (
    id, sku_id, sku, name, created_at, updated_at, category_id, brand_id, cost_price, retail_price
) overriding system value
select
    g, inventory.uuid_v7(t.at), 'SKU-' || lpad(g::text, 7, '0'),
    initcap(a.word || ' ' || b.word || ' ' || c.word) || ' no. ' || (g * 7919::bigint % 1000003), t.at, t.at,
    g % 1000 + 1, g / 1000 % 500 + 1, 2, (g * 7919::bigint % 10000 + 1) / 100.0
from generate_series(1, :products) as g
cross join lateral (select now() - interval '60 days' + g * interval '1 millisecond' as at) as t
inner join word as a on g % 13 = a.n
inner join word as b on g / 13 % 13 = b.n
inner join word as c on g / 169 % 13 = c.n
order by g;

insert into store.stock (
    product_id, on_hand, reserved, status, reorder_point, created_at, updated_at, average_quantity, average_value, last_number
)
select
    g, 25, 2,
    case when g % 100 = 0 then 'inactive' when g % 5000 = 1 and g > 1 then 'archived' else 'active' end,
    case when g % 200 = 0 then 30 when g % 3 = 0 then 10 end,
    now() - interval '60 days', now(), 25, 56.944, 6
from generate_series(1, :products) as g;

-- The moving average: 20 units at 2 and 10 at 3 are 30 units for 70. A sale of 5 takes 11.667 of it. With an inflow of 5
-- there are 30 units for 68.333, and an outflow of 5 takes 11.389 of it.
insert into store.movement (
    product_id, id, number, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after,
    cost, reference, actor, occurred_at, created_at, average_quantity, average_value
)
select
    g, (k.step - 1) * :products + g, k.step, k.kind, k.before, k.after, case when k.step > 4 then 2 else 0 end,
    case when k.step > 3 then 2 else 0 end, 0, 0, k.cost, case when k.step not in (1, 4) then g::text end, 'bench', t.at, t.at, k.average_quantity, k.average_value
from (
    values
        (1, 'initial', 0, 20, 40, 20, 40), (2, 'purchase', 20, 30, 30, 30, 70), (3, 'sale', 30, 25, 10, 25, 58.333),
        (4, 'reserve', 25, 25, null, 25, 58.333), (5, 'inflow', 25, 30, 10, 30, 68.333), (6, 'outflow', 30, 25, 10, 25, 56.944)
) as k (step, kind, before, after, cost, average_quantity, average_value)
cross join generate_series(1, :products) as g
cross join lateral (
    select now() - interval '50 days' + ((k.step - 1) * :products + g) * interval '1 millisecond' as at
) as t
order by k.step, g;

insert into store.cost_layer (
    product_id, number, id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
) overriding system value
select
    m.product_id, m.number, m.id, m.id, m.created_at, m.on_hand_after - m.on_hand_before,
    case m.kind when 'inflow' then 5 else 10 end, m.cost / (m.on_hand_after - m.on_hand_before), m.cost,
    case m.kind when 'initial' then 20 when 'purchase' then 30 else 10 end
from store.movement as m
where m.kind in ('initial', 'purchase', 'inflow')
order by m.id;

insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost)
select g, k.step * :products + g, g, 5, 10 from unnest('{2, 5}'::integer []) as k (step), generate_series(1, :products) as g;

insert into store.inflow (product_id, id, supplier_id, movement_id, quantity, actor, created_at)
select m.product_id, m.product_id, m.product_id % 1000 + 1, m.id, 5, 'bench', m.created_at
from store.movement as m
where m.kind = 'inflow'
order by m.id;

insert into store.outflow (product_id, id, movement_id, quantity, actor, created_at)
select m.product_id, m.product_id, m.id, 5, 'bench', m.created_at
from store.movement as m
where m.kind = 'outflow'
order by m.id;

insert into store.row_total (subject, category_id, brand_id, delta)
select 'product by category and brand', p.category_id, p.brand_id, count(*) from store.product as p group by p.category_id, p.brand_id
union all
select 'product', 0, 0, count(*) from store.product
union all
values ('inflow', 0, 0, :products), ('outflow', 0, 0, :products);

insert into store.purchase (
    product_id, number, id, supplier_id, movement_id, quantity, unit_cost, cost, actor, created_at, quantity_to_date,
    cost_to_date
)
select m.product_id, 1, m.product_id, m.product_id % 1000 + 1, m.id, 10, 3, 30, 'bench', m.created_at, 10, 30
from store.movement as m
where m.kind = 'purchase'
order by m.id;

insert into store.sale (
    product_id, number, id, movement_id, quantity, unit_price, revenue, cost, actor, created_at, quantity_to_date,
    revenue_to_date, cost_to_date, without_cost_to_date
)
select m.product_id, 1, m.product_id, m.id, 5, 4, 20, 10, 'bench', m.created_at, 5, 20, 10, 0
from store.movement as m
where m.kind = 'sale'
order by m.id;

-- Product 1: the sale of pair p takes the unit that arrived 25 units before that of the pair's purchase.
create temporary table pair as
select
    p, 6 * :products + 2 * p - 1 as bought_id, 6 * :products + 2 * p as sold_id,
    now() - interval '40 days' + 2 * p * interval '1 millisecond' as at,
    case
        when p <= 10 then 1 when p <= 20 then :products + 1 when p <= 25 then 4 * :products + 1
        else 6 * :products + 2 * (p - 25) - 1
    end as layer_id,
    case when p <= 10 or p between 21 and 25 then 2.000 else 3.000 end as cost
from generate_series(1, :pairs) as p;

create temporary table average (p integer primary key, bought numeric, sold numeric);
do $$
declare
    v_value numeric := 56.944;
begin
    for v_pair in 1 .. (select count(*) from pair) loop
        insert into average values (v_pair, v_value + 3, v_value + 3 - inventory.share(v_value + 3, 1, 26));
        v_value := v_value + 3 - inventory.share(v_value + 3, 1, 26);
    end loop;
    update store.stock
    set average_value = v_value, last_number = 6 + 2 * (select count(*) from pair)
    where product_id = 1;
end;
$$;

insert into store.movement (
    product_id, id, number, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after,
    cost, reference, actor, occurred_at, created_at, average_quantity, average_value
)
select
    1, k.id, k.id - 6 * (:products - 1), k.kind, k.before, k.after, 2, 2, 0, 0, k.cost, (:products + r.p)::text, 'bench', r.at, r.at, k.after, k.average
from pair as r
inner join average as a on r.p = a.p
cross join lateral (
    values (r.bought_id, 'purchase', 25, 26, 3.000, a.bought), (r.sold_id, 'sale', 26, 25, r.cost, a.sold)
) as k (id, kind, before, after, cost, average)
order by k.id;

insert into store.cost_layer (
    product_id, number, id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value, is_open
) overriding system value
select
    1, r.bought_id - 6 * (:products - 1), r.bought_id, r.bought_id, r.at, 1, case when n.is_left then 1 else 0 end, 3, 3, case when n.is_left then 3 else 0 end,
    n.is_left
from pair as r
cross join lateral (select r.p > :pairs - 25 as is_left) as n
order by r.p;
update store.cost_layer
set remaining = 0, remaining_value = 0, is_open = false
where product_id = 1 and id in (1, :products + 1, 4 * :products + 1);

insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost)
select 1, r.sold_id, r.layer_id, 1, r.cost from pair as r;

insert into store.purchase (
    product_id, number, id, supplier_id, movement_id, quantity, unit_cost, cost, actor, created_at, quantity_to_date,
    cost_to_date
)
select 1, r.p + 1, :products + r.p, r.p % 1000 + 1, r.bought_id, 1, 3, 3, 'bench', r.at, 10 + r.p, 30 + 3 * r.p
from pair as r
order by r.p;

insert into store.sale (
    product_id, number, id, movement_id, quantity, unit_price, revenue, cost, actor, created_at, quantity_to_date,
    revenue_to_date, cost_to_date, without_cost_to_date
)
select
    1, r.p + 1, :products + r.p, r.sold_id, 1, 4, 4, r.cost, 'bench', r.at, 5 + r.p, 20 + 4 * r.p,
    10 + sum(r.cost) over (order by r.p), 0
from pair as r
order by r.p;

insert into store.price (product_id, price_type, amount, effective_from, created_at, updated_at)
select p.id, 'retail', p.retail_price, now() - interval '60 days', now(), now() from store.product as p order by p.id;

select
    setval(pg_get_serial_sequence('store.supplier', 'id'), 1000),
    setval(pg_get_serial_sequence('store.product', 'id'), :products),
    setval(pg_get_serial_sequence('store.category', 'id'), 1000),
    setval(pg_get_serial_sequence('store.brand', 'id'), 500),
    setval('store.inflow_id_seq', :products),
    setval('store.outflow_id_seq', :products),
    setval('store.movement_id_seq', 6 * :products + 2 * :pairs),
    setval('store.purchase_id_seq', :products + :pairs),
    setval('store.sale_id_seq', :products + :pairs),
    setval(pg_get_serial_sequence('store.cost_layer', 'id'), 6 * :products + 2 * :pairs);
do $$ begin while maintenance.make_partitions(p_limit => 2000000000) = 1 loop null; end loop; end $$;
analyze;
