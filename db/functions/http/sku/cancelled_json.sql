create or replace function http.cancelled_json(p_block store.block)
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'block_id', p_block.id,
        'status', p_block.status,
        'cancelled_at', inventory.instant_text(p_block.ended_at),
        'reason', p_block.ended_reason
    );
end;
$$;

comment on function http.cancelled_json(store.block) is 'A cancelled block as API 1 shows it.';
