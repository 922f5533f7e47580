create or replace function inventory.turn_prices_of(p_product_id bigint, p_at timestamptz)
returns integer
language plpgsql
volatile
as $$
declare
    v_turn store.price_turn;
    v_count integer := 0;
begin
    for v_turn in
        select *
        from store.price_turn as t
        where t.product_id = p_product_id and t.at <= p_at
        order by t.at, t.price_type
    loop
        perform inventory.note_price_change(
            p_product_id,
            v_turn.price_type,
            inventory.active_price(p_product_id, v_turn.price_type, v_turn.at - interval '1 microsecond'),
            inventory.active_price(p_product_id, v_turn.price_type, v_turn.at),
            v_turn.at,
            'schedule'
        );
        delete from store.price_turn as t
        where t.product_id = p_product_id and t.price_type = v_turn.price_type and t.at = v_turn.at;
        v_count := v_count + 1;
    end loop;
    -- inventory.tag_of has counted them since they were due: the tag stays the same.
    if v_count > 0 then
        update store.product as p set version = p.version + v_count where p.id = p_product_id;
    end if;
    return v_count;
end;
$$;

comment on function inventory.turn_prices_of(bigint, timestamptz) is
'Process the beginnings and ends of a product''s price rules up to p_at, in order of time: see inventory.note_price_change.

Returns how many instants were processed. The caller holds the lock of the product''s row.';
