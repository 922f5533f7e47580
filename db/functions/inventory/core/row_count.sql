create or replace function inventory.row_count(
    p_subject text,
    p_category_id bigint default null,
    p_brand_id bigint default null
)
returns bigint
language plpgsql
stable
set plan_cache_mode = force_custom_plan
as $$
begin
    return (
        select coalesce(sum(c.delta), 0)
        from store.row_count as c
        where
            c.subject = case
                when p_category_id is null and p_brand_id is null then p_subject
                else p_subject || ' by category and brand'
            end
            and (p_category_id is null or c.category_id = p_category_id)
            and (p_brand_id is null or c.brand_id = p_brand_id)
    );
end;
$$;

comment on function inventory.row_count(text, bigint, bigint) is
'How many rows a large list has, exactly, without counting them: product (of a category, of a brand; null: of all), inflow,
outflow.';
