create or replace function http.list_blocks(
    p_sku_id uuid default null,
    p_limit inventory.page_limit default null,
    p_after uuid default null,
    p_owner inventory.sku_code default null,
    p_order inventory.block_order default 'created_at',
    p_after_expires_at timestamptz default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_product_id constant bigint := (select p.id from store.product as p where p.sku_id = p_sku_id);
    v_most constant bigint := case when p_limit is null then 10000 else 1000000 end;
    v_missing constant text := case when p_limit is null then 'limit' else 'sku_id' end;
    v_is_by_end constant boolean := p_order is not distinct from 'expires_at';
    v_total bigint;
begin
    if v_is_by_end and (p_after is null) <> (p_after_expires_at is null) then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'after and after_expires_at belong together where the order is expires_at',
            detail = jsonb_build_object('field', 'after_expires_at', 'input', p_after_expires_at);
    elsif p_after_expires_at is not null and not v_is_by_end then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'after_expires_at needs the order expires_at',
            detail = jsonb_build_object('field', 'after_expires_at', 'input', p_after_expires_at);
    end if;
    if p_sku_id is not null and v_product_id is null then
        return json_build_object('blocks', json_build_array(), 'total', 0);
    end if;

    select count(*) into v_total
    from (
        select
        from store.block as b
        where
            inventory.is_active_block(b, v_now)
            and (p_sku_id is null or b.product_id = v_product_id)
            and (p_owner is null or (b.owner = p_owner and b.is_held))
        limit v_most + 1
    ) as m;
    if v_total > v_most then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = format('more than %s blocks are active: give a %s', v_most, v_missing),
            detail = jsonb_build_object('field', v_missing);
    end if;

    return json_build_object(
        'blocks',
        (
            select coalesce(json_agg(r), '[]')
            from (
                select
                    b.id as block_id,
                    p.sku_id,
                    p.sku as sku_code,
                    p.id as product_id,
                    p.name,
                    (
                        select u.symbol
                        from store.stock as s
                        inner join store.unit as u on s.unit_id = u.id
                        where s.product_id = p.id
                    ) as unit,
                    trim_scale(b.quantity) as quantity,
                    b.reason,
                    b.status,
                    inventory.instant_text(b.expires_at) as expires_at,
                    inventory.instant_text(b.created_at) as created_at,
                    b.owner,
                    b.kit_block_id
                from store.block as b
                inner join store.product as p on b.product_id = p.id
                where
                    inventory.is_active_block(b, v_now)
                    and (p_sku_id is null or b.product_id = v_product_id)
                    and (p_owner is null or (b.owner = p_owner and b.is_held))
                    and (v_is_by_end or p_after is null or b.id > p_after)
                    and (p_after_expires_at is null or (b.expires_at, b.id) > (p_after_expires_at, p_after))
                order by case when v_is_by_end then b.expires_at end, b.id
                limit p_limit
            ) as r
        ),
        'total', v_total
    );
end;
$$;

comment on function http.list_blocks(
    uuid, inventory.page_limit, uuid, inventory.sku_code, inventory.block_order, timestamptz
) is
'List the active blocks, oldest first.

sku_id: only blocks of that SKU. owner: only blocks that are held for this cart or order. order: created_at (default), or
expires_at for the blocks that end next. limit, after: a page with at most that many blocks, after the block with this id; by
expires_at, after the block that ends at after_expires_at and has the id after. total counts all matching blocks, on all pages. If
more than 10 000 blocks match, limit is required; if more than 1 000 000 match, sku_id is required. Without it the request is
refused (422). unit: the symbol of the product''s unit. kit_block_id: the block of the kit whose part the block holds.

Returns {"blocks": [{"block_id": "uuid", "sku_id": "uuid", "sku_code": "sku_code", "product_id": "integer", "name": "name",
"unit": "text?", "quantity": "quantity", "reason": "text?", "status": "active", "expires_at": "timestamp", "created_at":
"timestamp", "owner": "text?", "kit_block_id": "uuid?"}], "total": "integer"}';

grant execute on function http.list_blocks(
    uuid, inventory.page_limit, uuid, inventory.sku_code, inventory.block_order, timestamptz
) to inventory_operator;
