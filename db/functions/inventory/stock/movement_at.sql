-- A binary search: the times of a product's movements rise with their numbers, which maintenance.verify() checks. The plan of
-- each lookup is cached, because planning a query over every month costs more than running it.
create or replace function inventory.movement_at(p_product_id bigint, p_at timestamptz)
returns store.movement
language plpgsql
stable
set plan_cache_mode = force_generic_plan
as $$
declare
    v_found store.movement;
    v_look store.movement;
    v_low bigint := 0;
    v_high bigint;
    v_middle bigint;
begin
    select * into v_look
    from store.movement as m
    where m.product_id = p_product_id
    order by m.number desc
    limit 1;
    if v_look.created_at <= p_at or v_look.id is null then
        return v_look;
    end if;

    -- Movements with a number up to v_low are at or before p_at; those with a number of v_high or more are after it.
    v_high := v_look.number;
    while v_high - v_low > 1 loop
        v_middle := v_low + (v_high - v_low) / 2;
        select * into v_look
        from store.movement as m
        where m.product_id = p_product_id and m.number > v_low and m.number <= v_middle
        order by m.number desc
        limit 1;
        if v_look.created_at > p_at then
            v_high := v_look.number;
        else
            v_low := v_middle;
            if v_look.id is not null then
                v_found := v_look;
            end if;
        end if;
    end loop;
    return v_found;
end;
$$;

comment on function inventory.movement_at(bigint, timestamptz) is
'A product''s last movement at or before p_at; null if the ledger has none.';
