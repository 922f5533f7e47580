create or replace function inventory.set_price(
    p_product_id bigint,
    p_amount inventory.money,
    p_price_type inventory.price_type default 'retail',
    p_effective_from timestamptz default null,
    p_effective_to timestamptz default null,
    p_close_old_price boolean default true
)
returns store.price
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz;
    v_from timestamptz;
    v_to timestamptz := p_effective_to;
    v_type constant inventory.price_type := coalesce(p_price_type, 'retail');
    v_active store.price;
    v_price store.price;
    v_amount numeric;
begin
    perform inventory.require_argument('amount', p_amount is null);
    perform inventory.require_year('effective_from', p_effective_from);
    perform inventory.require_year('effective_to', p_effective_to);

    -- The lock. An update, so that a caller with an older snapshot fails and does not decide on it.
    update store.product as p
    set updated_at = inventory.clock()
    where p.id = p_product_id;
    if not found then
        perform inventory.require_product(p_product_id);
    end if;

    v_now := inventory.clock();
    perform inventory.turn_prices_of(p_product_id, v_now);
    v_from := coalesce(p_effective_from, v_now);
    if v_to <= v_from or v_to <= v_now then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'effective_to must be after effective_from and in the future',
            detail = jsonb_build_object('field', 'effective_to', 'input', p_effective_to);
    end if;
    select * into v_active from inventory.price_at(p_product_id, v_type, v_now);
    if v_from < v_active.effective_from then
        raise exception using
            errcode = 'IV024', -- BACKDATED_PRICE
            message = 'The price would begin before the active one of its type began.',
            detail = jsonb_build_object('effective_from', v_active.effective_from);
    end if;

    if coalesce(p_close_old_price, true) then
        update store.price as p
        set effective_to = v_from, updated_at = v_now
        where p.product_id = p_product_id and p.price_type = v_type and inventory.is_in_force(p, v_from);
        -- One that is scheduled for later, and not only for a while, takes over when it begins.
        v_to := least(
            v_to,
            (
                select min(p.effective_from)
                from store.price as p
                where
                    p.product_id = p_product_id
                    and p.price_type = v_type
                    and p.effective_from > v_from
                    and p.effective_to is null
            )
        );
    end if;

    insert into store.price (product_id, price_type, amount, effective_from, effective_to, created_at, updated_at)
    values (p_product_id, v_type, p_amount, v_from, v_to, v_now, v_now)
    returning * into v_price;
    insert into store.price_turn (product_id, price_type, at)
    select p_product_id, v_type, t.at
    from (values (v_from), (v_to)) as t (at)
    where t.at > v_now
    on conflict do nothing;

    -- A statement of its own, which sees what this one wrote.
    v_amount := inventory.active_price(p_product_id, v_type, v_now);
    perform inventory.note_price_change(p_product_id, v_type, v_active.amount, v_amount, v_now);
    return v_price;
end;
$$;

comment on function inventory.set_price(
    bigint, inventory.money, inventory.price_type, timestamptz, timestamptz, boolean
) is
'Make p_amount the product''s price of this type in [p_effective_from, p_effective_to): a new rule; null: from now, with no
end. No rule''s amount or beginning is ever changed.

p_close_old_price: the rules that hold at p_effective_from end there, and the new one ends where one that is scheduled for
later with no end begins: so one rule of the type is open, whoever else sets a price at the same time. Else the others stay as
they are, and the one that began last is the active one. Where the active price changes, now or later, the event price.changed
is queued.

Locks the product''s row, not its stock. Errors: BACKDATED_PRICE where it would begin before the active one of its type began;
PRODUCT_NOT_FOUND; 22023 for an end that is not after the beginning and in the future, or a year that is not of four digits.';

grant execute on function inventory.set_price(
    bigint, inventory.money, inventory.price_type, timestamptz, timestamptz, boolean
) to inventory_admin;
