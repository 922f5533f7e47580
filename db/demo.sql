-- Demo stock for an empty database. It is made with the same functions as any other stock.
select
    inventory.initialize_inventory(p.id, d.unit_id, d.quantity, d.reorder_point, 'demo') as stock,
    inventory.set_price(p.id, d.price) as price
from (
    values
    ('DEMO-MUG', 'Enamel mug', 'White, 350 ml', 4.20, 1, 120, 20, 12.50),
    ('DEMO-LAMP', 'Desk lamp', 'Brass, dimmable', 41.75, 1, 8, 10, 89.00),
    ('DEMO-RICE', 'Rice, loose', 'By the kilogram', 1.1, 3, 250.5, 50, 2.95)
) as d (sku, name, description, cost_price, unit_id, quantity, reorder_point, price)
cross join lateral inventory.register_product(d.sku, d.name, d.description, d.cost_price) as p
where not exists (select from store.product);
