create or replace function inventory.kit_available(p_kit_id bigint, p_at timestamptz)
returns numeric
language plpgsql
stable
as $$
begin
    return (
        select
            min(
                floor(
                    (
                        s.on_hand - s.reserved - s.blocked
                        + case when s.blocked > 0 then inventory.expired_quantity(s.product_id, p_at) else 0 end
                    ) / k.quantity
                )
            )
        from store.kit_part as k
        inner join store.stock as s on k.part_id = s.product_id
        where k.kit_id = p_kit_id
    );
end;
$$;

comment on function inventory.kit_available(bigint, timestamptz) is
'How many whole kits can be made of the available units of its parts: the least of what each part allows.

Units of blocks that have expired by p_at count as available. Null if the product is not a kit.';
