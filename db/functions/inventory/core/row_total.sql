create or replace function inventory.row_total(
    p_subject text,
    p_category_id bigint default null,
    p_brand_id bigint default null
)
returns bigint
language plpgsql
stable
as $$
declare
    v_pairs constant text := p_subject || ' by category and brand';
begin
    if p_category_id is not null then
        return (
            select coalesce(sum(c.delta), 0)
            from store.row_total as c
            where c.subject = v_pairs and c.category_id = p_category_id and (p_brand_id is null or c.brand_id = p_brand_id)
        );
    elsif p_brand_id is not null then
        return (
            select coalesce(sum(c.delta), 0) from store.row_total as c where c.subject = v_pairs and c.brand_id = p_brand_id
        );
    end if;
    return (select coalesce(sum(c.delta), 0) from store.row_total as c where c.subject = p_subject);
end;
$$;

comment on function inventory.row_total(text, bigint, bigint) is
'The exact number of rows of a large list, without counting them. p_subject: product, inflow or outflow.

p_category_id, p_brand_id: only the products of that category, of that brand; null: of all.';
