create or replace function inventory.kit_number(p_kit_id bigint, p_at timestamptz)
returns bigint
language plpgsql
stable
as $$
begin
    return (
        select
            sum(
                s.last_number + p.version
                + case when s.blocked > 0 then inventory.expired_count(s.product_id, p_at) else 0 end
            )
        from store.kit_part as k
        inner join store.stock as s on k.part_id = s.product_id
        inner join store.product as p on k.part_id = p.id
        where k.kit_id = p_kit_id
    );
end;
$$;

comment on function inventory.kit_number(bigint, timestamptz) is
'How many movements and other changes the parts of a kit have at the present instant p_at. What a kit shows changes with them: how
many are available, and the codes of its parts.';
