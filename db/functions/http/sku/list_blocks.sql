create or replace function http.list_blocks(
    p_sku_id uuid default null,
    p_limit inventory.page_limit default null,
    p_after uuid default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_product_id constant bigint := (select p.id from store.product as p where p.sku_id = p_sku_id);
    v_total bigint;
    v_blocks json;
begin
    if p_sku_id is not null and v_product_id is null then
        return json_build_object('blocks', json_build_array(), 'total', 0);
    end if;

    select count(*) into v_total
    from store.block as b
    where b.status = 'active' and b.expires_at > v_now and (p_sku_id is null or b.product_id = v_product_id);

    select coalesce(
        json_agg(
            json_build_object(
                'block_id', b.id,
                'sku_id', p.sku_id,
                'sku_code', p.sku,
                'quantity', trim_scale(b.quantity),
                'reason', b.reason,
                'status', b.status,
                'expires_at', http.instant(b.expires_at),
                'created_at', http.instant(b.created_at)
            )
            order by b.id
        ),
        '[]'
    )
    into v_blocks
    from (
        select *
        from store.block as a
        where
            a.status = 'active'
            and a.expires_at > v_now
            and (p_sku_id is null or a.product_id = v_product_id)
            and (p_after is null or a.id > p_after)
        order by a.id
        limit p_limit
    ) as b
    inner join store.product as p on b.product_id = p.id;

    return json_build_object('blocks', v_blocks, 'total', v_total);
end;
$$;

comment on function http.list_blocks(uuid, inventory.page_limit, uuid) is
'List the active blocks, oldest first.

sku_id: of one SKU alone. limit, after: a page of that many blocks after the block with this id. total counts all that
match, whatever the page.

Returns {"blocks": [{"block_id": "uuid", "sku_id": "uuid", "sku_code": "sku_code", "quantity": "quantity", "reason":
"text?", "status": "active", "expires_at": "timestamp", "created_at": "timestamp"}], "total": "integer"}';

grant execute on function http.list_blocks(uuid, inventory.page_limit, uuid) to inventory_operator;
