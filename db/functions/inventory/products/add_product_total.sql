create or replace function inventory.add_product_total(p_delta bigint, p_category_id bigint, p_brand_id bigint)
returns void
language plpgsql
volatile
as $$
begin
    perform inventory.add_row_total('product', p_delta);
    if p_category_id is not null or p_brand_id is not null then
        perform inventory.add_row_total('product by category and brand', p_delta, p_category_id, p_brand_id);
    end if;
end;
$$;

comment on function inventory.add_product_total(bigint, bigint, bigint) is
'Add p_delta, which may be negative, to the totals of products: of all products, and of a category and a brand (null: none).

The total of all products is kept separately, so that reading it needs no sum over categories and brands: see
inventory.row_total.';
