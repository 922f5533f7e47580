-- The service's functions, with names and types for GraphQL. These functions only call them.

create schema graph;
grant usage on schema graph to inventory_operator;

create function graph.stock(id bigint) returns json
language sql stable
return http.get_inventory_item(p_id => id::text);

create function graph.products(page integer, page_size integer) returns json
language sql stable
return http.list_catalog_products(
    p_page => page::text, p_page_size => page_size::text, p_url => 'http://127.0.0.1:8000/api/v1/products/'
);

-- A function without a result would answer null, which GraphQL clients cannot tell from a failure.
create function graph.reserve(id bigint, amount numeric) returns boolean
language sql volatile
begin atomic
    select http.reserve_stock(p_id => id::text, p_amount => amount, p_actor => 'anonymous');
    select true;
end;

create function graph.create_block(sku_id uuid, quantity numeric) returns json
language sql volatile
return http.create_block(p_sku_id => sku_id, p_quantity => quantity, p_actor => 'anonymous');

create function graph.convert_block(block_id uuid) returns json
language sql volatile
return http.convert_block(p_block_id => block_id, p_actor => 'anonymous');

create function graph.create_sale(product_id bigint, quantity numeric, unit_price numeric) returns json
language sql volatile
return http.create_sale(p_product_id => product_id, p_quantity => quantity, p_unit_price => unit_price, p_actor => 'admin');
