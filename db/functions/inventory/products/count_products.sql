create or replace function inventory.count_products(p_delta bigint, p_category_id bigint, p_brand_id bigint)
returns void
language plpgsql
volatile
as $$
begin
    perform inventory.count_rows('product', p_delta);
    if p_category_id is not null or p_brand_id is not null then
        perform inventory.count_rows('product by category and brand', p_delta, p_category_id, p_brand_id);
    end if;
end;
$$;

comment on function inventory.count_products(bigint, bigint, bigint) is
'Note that there are so many products more (below 0: fewer) of a category and a brand; null: of none. See
inventory.row_count: all products are counted apart, so that their number needs no sum over categories and brands.';
