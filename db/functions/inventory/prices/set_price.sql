create or replace function inventory.set_price(
    p_product_id bigint,
    p_amount inventory.money,
    p_price_type inventory.price_type default 'retail',
    p_effective_from timestamptz default null,
    p_effective_to timestamptz default null,
    p_close_old_price boolean default true,
    p_actor text default null,
    p_expected text default null
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

    if p_expected is not null then
        perform inventory.require_expected(p_product_id, p_expected);
    end if;
    -- Lock the product with an update, so that a caller with an older snapshot fails and does not decide on old prices.
    update store.product as p
    set updated_at = inventory.clock(), version = p.version + 1
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
        -- A later rule without an end takes over when it begins.
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

    -- A separate statement, so that it sees the row that was just written.
    v_amount := inventory.active_price(p_product_id, v_type, v_now);
    perform inventory.note_price_change(p_product_id, v_type, v_active.amount, v_amount, v_now, p_actor);
    return v_price;
end;
$$;

comment on function inventory.set_price(
    bigint, inventory.money, inventory.price_type, timestamptz, timestamptz, boolean, text, text
) is
'Create a price rule: p_amount is the product''s price of this type in the period [p_effective_from, p_effective_to).

p_effective_from null: from now on. p_effective_to null: without an end. The amount and the beginning of a rule never change.

p_close_old_price: the rules in force at p_effective_from end there, and the new rule ends when a later rule without an end
begins.
Only one rule of the type then has no end, even if other callers set prices at the same time. If it is false, the other rules stay
as they are, and the rule that began last is the active one. The event price.changed is queued when the active price changes, now
or later.

Locks the product''s row, but not its stock row. Errors: BACKDATED_PRICE if the rule would begin before the active one of its type
began; PRODUCT_NOT_FOUND; 22023 if the end is not in the future or not after the beginning, or if a year does not have four
digits.';

grant execute on function inventory.set_price(
    bigint, inventory.money, inventory.price_type, timestamptz, timestamptz, boolean, text, text
) to inventory_admin;
