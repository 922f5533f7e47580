create or replace function inventory.renew_price_turns(p_at timestamptz)
returns integer
language plpgsql
volatile
as $$
declare
    v_product_id bigint;
    v_retail_price numeric;
    v_count integer := 0;
begin
    for v_product_id in
        select distinct r.product_id
        from store.price as r
        inner join store.product as p on r.product_id = p.id
        cross join lateral (values (r.effective_from), (r.effective_to)) as e (at)
        where
            e.at > p_at
            and not exists (
                select from store.price_turn as t
                where t.product_id = r.product_id and t.price_type = r.price_type and t.at = e.at
            )
        order by r.product_id
    loop
        update store.product as p
        set version = p.version + 1
        where p.id = v_product_id
        returning p.retail_price into v_retail_price;
        continue when not found;

        insert into store.price_turn (product_id, price_type, at)
        select r.product_id, r.price_type, e.at
        from store.price as r
        cross join lateral (values (r.effective_from), (r.effective_to)) as e (at)
        where r.product_id = v_product_id and e.at > p_at
        on conflict do nothing;
        perform inventory.note_price_change(
            v_product_id, 'retail', v_retail_price, inventory.active_price(v_product_id, 'retail', p_at), p_at
        );
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$$;

comment on function inventory.renew_price_turns(timestamptz) is
'Repair the scheduled price changes after the clock was set back to p_at.

Changes that were made for instants that are in the future again are undone and scheduled again. Reads all prices. Locks the rows
of the products concerned, in order of id, and returns how many there were.';
