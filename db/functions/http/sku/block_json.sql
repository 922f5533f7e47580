create or replace function http.block_json(p_block store.block, p_sku_id uuid)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'block_id', p_block.id,
        'sku_id', p_sku_id,
        'quantity', trim_scale(p_block.quantity),
        'reason', p_block.reason,
        'status', p_block.status,
        'expires_at', http.instant(p_block.expires_at),
        'created_at', http.instant(p_block.created_at)
    );
end;
$$;

comment on function http.block_json(store.block, uuid) is 'A block as API 1 shows it when it is made or extended.';
