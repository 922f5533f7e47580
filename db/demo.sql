-- A little stock to try things on, through the rules like everybody else's: where there is no product yet.
select inventory.create_product(d.sku, d.name, d.description, d.quantity, d.price, d.cost_price, 'demo')
from (
    values
    ('DEMO-MUG', 'Enamel mug', 'White, 350 ml', 120, 12.50, 4.20),
    ('DEMO-LAMP', 'Desk lamp', 'Brass, dimmable', 8, 89.00, 41.75),
    ('DEMO-RICE', 'Rice, loose', 'By the kilogram', 250.5, 2.95, 1.1)
) as d (sku, name, description, quantity, price, cost_price)
where not exists (select from store.product);
