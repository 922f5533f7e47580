create or replace function inventory.note_price_change(
    p_product_id bigint,
    p_price_type text,
    p_before numeric,
    p_after numeric,
    p_at timestamptz,
    p_actor text default null
)
returns void
language plpgsql
volatile
as $$
begin
    if p_before is not distinct from p_after then
        return;
    end if;
    if p_price_type = 'retail' then
        update store.product as p set retail_price = p_after where p.id = p_product_id;
    end if;
    perform inventory.record_change(
        'price',
        p_price_type,
        case when p_before is not null then jsonb_build_object('amount', trim_scale(p_before)) end,
        case when p_after is not null then jsonb_build_object('amount', trim_scale(p_after)) end,
        p_actor,
        p_product_id
    );
    if inventory.has_subscriber('price.changed') then
        perform inventory.queue_events(
            'price.changed',
            array[
                json_build_object(
                    'product', inventory.product_in_event(p_product_id),
                    'price_type', p_price_type,
                    'amount', trim_scale(p_after),
                    'previous_amount', trim_scale(p_before)
                )
            ],
            array[p_at]
        );
    end if;
end;
$$;

comment on function inventory.note_price_change(bigint, text, numeric, numeric, timestamptz, text) is
'After a change of a product''s active price, record it, update the price that lists search by, and queue the event price.changed.

p_before, p_after: the active price of the type before p_at and from p_at on; null: none. The caller holds the lock of the
product''s row.';
