create or replace function http.hold_json(p_owner text, p_blocks store.block[])
returns json
language plpgsql
stable
as $$
begin
    return json_build_object(
        'owner', p_owner, 'blocks', http.blocks_json(p_blocks), 'total', cardinality(p_blocks)
    );
end;
$$;

comment on function http.hold_json(text, store.block[]) is
'What is held for an owner, as API 1 shows it.';
