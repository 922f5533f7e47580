create or replace function http.kit_parts_json(p_kit_id bigint)
returns json
language plpgsql
stable
as $$
begin
    return (
        select coalesce(json_agg(r order by r.sku_code), '[]')
        from (
            select
                p.sku_id,
                p.sku as sku_code,
                trim_scale(k.quantity) as quantity
            from store.kit_part as k
            inner join store.product as p on k.part_id = p.id
            where k.kit_id = p_kit_id
        ) as r
    );
end;
$$;

comment on function http.kit_parts_json(bigint) is 'The parts of a kit as API 1 shows them.';
