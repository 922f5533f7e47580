create or replace function inventory.pick_from_places(p_product_id bigint, p_movement_id bigint, p_located numeric)
returns void
language plpgsql
volatile
as $$
declare
    v_place store.location_stock;
    v_left numeric;
begin
    select sum(l.quantity) - p_located into v_left
    from store.location_stock as l
    where l.product_id = p_product_id;

    if v_left > 0 then
        for v_place in
            select *
            from store.location_stock as l
            where l.product_id = p_product_id and l.quantity > 0
            order by l.arrived_at, l.location_id
        loop
            perform inventory.write_place(
                p_product_id, p_movement_id, v_place.location_id, v_place.quantity,
                v_place.quantity - least(v_place.quantity, v_left), v_place.arrived_at
            );
            v_left := v_left - least(v_place.quantity, v_left);
            exit when v_left = 0;
        end loop;
    end if;
end;
$$;

comment on function inventory.pick_from_places(bigint, bigint, numeric) is
'Take from the product''s places what they hold beyond p_located, those first at which stock arrived first.

The caller holds the product''s stock row.';
