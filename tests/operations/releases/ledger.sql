-- What the data of every release is written with: the rows of a movement, straight into the tables as that release has them.

create or replace function pg_temp.has(p_table regclass, p_column text)
returns boolean
language sql
as $$ select exists (select from pg_attribute as a where a.attrelid = p_table and a.attname = p_column) $$;

create or replace function pg_temp.product(p_sku text, p_cost_price numeric default null, p_has_stock boolean default true)
returns bigint
language plpgsql
as $$
declare
    v_id bigint;
begin
    insert into store.product (sku_id, sku, name, cost_price, created_at, updated_at)
    values (gen_random_uuid(), p_sku, 'Product ' || p_sku, p_cost_price, now() - interval '9 days', now())
    returning id into v_id;
    if p_has_stock then
        insert into store.stock (product_id, created_at, updated_at) values (v_id, now() - interval '9 days', now());
    end if;
    return v_id;
end;
$$;

create or replace function pg_temp.id_of(p_sku text)
returns bigint
language sql
as $$ select p.id from store.product as p where p.sku = p_sku $$;

-- A movement with its cost layers, first in first out, and its balances. p_returns: the departure that it brings back.
create or replace function pg_temp.move(
    p_sku text,
    p_kind text,
    p_on_hand numeric default 0,
    p_reserved numeric default 0,
    p_blocked numeric default 0,
    p_unit_cost numeric default null,
    p_reference text default null,
    p_at timestamptz default now() - interval '1 hour',
    p_returns bigint default null
)
returns bigint
language plpgsql
as $$
declare
    v_product_id constant bigint := pg_temp.id_of(p_sku);
    v_id bigint;
    v_layer store.cost_layer;
    v_left numeric := -p_on_hand;
    v_taken numeric;
    v_cost numeric;
    v_total numeric;
    v_known numeric;
    v_average record;
begin
    insert into store.movement (
        product_id, kind, on_hand_before, on_hand_after, reserved_before, reserved_after, blocked_before, blocked_after,
        reference, actor, occurred_at, created_at
    )
    select
        v_product_id, p_kind, s.on_hand, s.on_hand + p_on_hand, s.reserved, s.reserved + p_reserved, s.blocked,
        s.blocked + p_blocked, p_reference, 'somebody', p_at, p_at
    from store.stock as s
    where s.product_id = v_product_id
    returning id into v_id;

    if p_returns is not null then
        select u.cost * p_on_hand / u.quantity into v_total
        from store.cost_layer_use as u
        where u.product_id = v_product_id and u.movement_id = p_returns;
        insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost, returns_movement_id)
        select v_product_id, v_id, u.layer_id, -p_on_hand, -v_total, p_returns
        from store.cost_layer_use as u
        where u.product_id = v_product_id and u.movement_id = p_returns;
        update store.cost_layer as l
        set remaining = l.remaining + p_on_hand, remaining_value = l.remaining_value + v_total, is_open = true
        from store.cost_layer_use as u
        where u.movement_id = v_id and l.product_id = v_product_id and l.id = u.layer_id;
    elsif p_on_hand > 0 then
        v_total := round(p_on_hand * p_unit_cost, 3);
        insert into store.cost_layer (
            product_id, movement_id, received_at, quantity, remaining, unit_cost, value, remaining_value
        )
        values (v_product_id, v_id, p_at, p_on_hand, p_on_hand, p_unit_cost, v_total, v_total);
    elsif p_on_hand < 0 then
        v_total := 0;
        for v_layer in
            select * from store.cost_layer as l where l.product_id = v_product_id and l.is_open order by l.id
        loop
            v_taken := least(v_left, v_layer.remaining);
            v_cost := round(v_layer.remaining_value * v_taken / v_layer.remaining, 3);
            update store.cost_layer as l
            set
                remaining = l.remaining - v_taken, remaining_value = l.remaining_value - v_cost,
                is_open = l.remaining > v_taken
            where l.product_id = v_product_id and l.id = v_layer.id;
            insert into store.cost_layer_use (product_id, movement_id, layer_id, quantity, cost)
            values (v_product_id, v_id, v_layer.id, v_taken, v_cost);
            v_total := v_total + v_cost;
            v_left := v_left - v_taken;
            exit when v_left = 0;
        end loop;
    end if;
    update store.movement as m set cost = v_total where m.product_id = v_product_id and m.id = v_id;

    if not pg_temp.has('store.stock', 'average_quantity') then
        update store.stock as s
        set on_hand = s.on_hand + p_on_hand, reserved = s.reserved + p_reserved, blocked = s.blocked + p_blocked
        where s.product_id = v_product_id;
        return v_id;
    end if;

    -- From 0003 on: the moving average.
    select s.on_hand, s.average_quantity as quantity, s.average_value as value into v_average
    from store.stock as s
    where s.product_id = v_product_id;
    if p_on_hand > 0 and v_total is not null then
        v_average.quantity := v_average.quantity + p_on_hand;
        v_average.value := v_average.value + v_total;
    elsif p_on_hand < 0 and v_average.quantity > 0 then
        v_known := round(v_average.quantity * -p_on_hand / v_average.on_hand, 3);
        v_average.value := v_average.value - round(v_average.value * v_known / v_average.quantity, 3);
        v_average.quantity := v_average.quantity - v_known;
    end if;
    update store.movement as m
    set average_quantity = v_average.quantity, average_value = v_average.value
    where m.product_id = v_product_id and m.id = v_id;
    update store.stock as s
    set
        on_hand = s.on_hand + p_on_hand, reserved = s.reserved + p_reserved, blocked = s.blocked + p_blocked,
        average_quantity = v_average.quantity, average_value = v_average.value
    where s.product_id = v_product_id;
    return v_id;
end;
$$;
