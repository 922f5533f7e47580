create or replace function inventory.kit_parts_of(p_kit_id bigint)
returns jsonb
language plpgsql
stable
as $$
begin
    return (
        select jsonb_agg(jsonb_build_object('part_id', k.part_id, 'quantity', trim_scale(k.quantity)) order by k.part_id)
        from store.kit_part as k
        where k.kit_id = p_kit_id
    );
end;
$$;

comment on function inventory.kit_parts_of(bigint) is 'The parts of a kit, for the audit; null if the product is not a kit.';
