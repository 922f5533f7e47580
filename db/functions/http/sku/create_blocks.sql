create or replace function http.create_blocks(
    p_items inventory.block_lines,
    p_reason inventory.reason default null,
    p_expires_at timestamptz default null,
    p_actor text default null
)
returns json
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_blocks constant store.block [] := array(
        select b from inventory.create_blocks(p_items, p_reason, p_expires_at, p_actor) as b
    );
begin
    return json_build_object(
        'blocks',
        (
            select json_agg(j.item order by m.ordinality)
            from unnest(v_blocks) with ordinality as m
            inner join http.block_json as j on m.id = j.id
        ),
        'total', cardinality(v_blocks)
    );
end;
$$;

comment on function http.create_blocks(inventory.block_lines, inventory.reason, timestamptz, text) is
'Create temporary blocks for several SKUs, all or none: one block for each line.

There may be 1 to 100 lines. Lines of the same SKU count together.

Returns {"blocks": ["block_json"], "total": "integer"}
Errors: PRODUCT_NOT_FOUND, INSUFFICIENT_STOCK, INVENTORY_NOT_ACTIVE, INVENTORY_NOT_INITIALIZED, KIT_NOT_WHOLE.';

grant execute on function http.create_blocks(
    inventory.block_lines, inventory.reason, timestamptz, text
) to inventory_operator;
