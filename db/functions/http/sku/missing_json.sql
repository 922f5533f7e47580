create or replace function http.missing_json(p_items inventory.block_line[], p_blocks store.block[])
returns json
language plpgsql
stable
as $$
begin
    return (
        select coalesce(json_agg(r), '[]')
        from (
            select
                i.sku_id,
                trim_scale(sum(i.quantity)) as requested,
                trim_scale(h.quantity) as held,
                trim_scale(sum(i.quantity) - h.quantity) as missing
            from unnest(p_items) with ordinality as i (sku_id, quantity, position)
            cross join lateral (
                select coalesce(sum(b.quantity), 0) as quantity
                from unnest(p_blocks) as b
                where b.product_id = inventory.product_id_by_sku_id(i.sku_id)
            ) as h
            group by i.sku_id, h.quantity
            having sum(i.quantity) > h.quantity
            order by min(i.position)
        ) as r
    );
end;
$$;

comment on function http.missing_json(inventory.block_line[], store.block[]) is
'The SKUs of which the blocks hold less than the lines ask for, in the order of the lines.';
