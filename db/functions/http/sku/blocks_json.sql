create or replace function http.blocks_json(p_blocks store.block[])
returns json
language plpgsql
stable
as $$
begin
    return (
        select coalesce(json_agg(j.item order by m.ordinality), '[]')
        from unnest(p_blocks) with ordinality as m
        inner join http.block_json as j on m.id = j.id
    );
end;
$$;

comment on function http.blocks_json(store.block[]) is 'These blocks as http.block_json shows them, in the same order.';
