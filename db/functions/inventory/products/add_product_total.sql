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
'Add to the totals of products (below 0: take away): of all, and of a category and a brand; null: of none. See
inventory.row_total: that of all is kept apart, so that it needs no sum over categories and brands.';
