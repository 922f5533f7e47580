-- A repair sets rows back to what follows from the ledger, and never changes the ledger: rows of store.movement and
-- store.location_movement are only added, by inventory.write_postings as for every posting. The other tables are written here
-- (maintenance.set_back), because no posting rewrites or removes a row of theirs.
create or replace function maintenance.repair(
    p_product_id bigint,
    p_cause inventory.reason,
    p_actor text default null
)
returns table (check_name text, action text, table_name text, found jsonb, wanted jsonb)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    c_hint constant text := 'Nothing has been changed. Restore what is lost from a backup: see docs/operations.md.';
    v_plan jsonb;
    v_left_over jsonb;
    v_problem text;
    v_step record;
    v_stock store.stock;
    v_before store.stock;
    v_movements store.movement [];
    v_left numeric;
    v_location store.location_stock;
    v_location_stocks store.location_stock [];
    v_location_movements store.location_movement [];
begin
    perform inventory.require_argument('cause', p_cause is null);
    if length(btrim(p_cause)) not between 1 and 500 then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'cause must have 1 to 500 characters',
            detail = jsonb_build_object('field', 'cause', 'input', p_cause);
    end if;

    -- Everything that belongs to the product waits behind its stock row, and its prices behind the row of the product.
    if p_product_id is null then
        lock table store.row_total in share update exclusive mode; -- two repairs at once would correct a total twice
    else
        select * into v_stock from store.stock as s where s.product_id = p_product_id for no key update;
        perform from store.product as p where p.id = p_product_id for no key update;
        perform from store.deleted_product as d where d.id = p_product_id for no key update;
    end if;
    v_plan := (
        select jsonb_agg(to_jsonb(p) || jsonb_build_object('action', maintenance.step_text(p.table_name, p.found, p.wanted)))
        from maintenance.plan_of(p_product_id) as p
    );
    if v_plan is null then
        if not exists (select from store.product_ever as e where p_product_id is null or e.id = p_product_id) then
            perform inventory.require_product(p_product_id);
        end if;
        return;
    end if;
    select string_agg(p.problem, ' ') into v_problem
    from jsonb_to_recordset(v_plan) as p (problem text);
    if v_problem is not null then
        raise exception using
            errcode = 'data_corrupted',
            message = format('Product %s cannot be repaired: %s', p_product_id, v_problem),
            detail = v_plan::text,
            hint = c_hint;
    end if;

    if p_product_id is null then
        perform inventory.add_row_total(t.subject, (t.expected - t.found)::bigint, t.category_id, t.brand_id)
        from maintenance.row_totals() as t;
    end if;
    for v_step in
        select
            p.table_name, coalesce(jsonb_agg(p.found) filter (where p.found <> 'null'), '[]') as found,
            coalesce(jsonb_agg(p.wanted) filter (where p.wanted <> 'null'), '[]') as wanted
        from jsonb_to_recordset(v_plan) as p (table_name text, found jsonb, wanted jsonb)
        where p.table_name not in ('stock', 'location_stock', 'movement', 'product', 'row_total')
        group by p.table_name
        order by p.table_name
    loop
        perform maintenance.set_back(v_step.table_name, v_step.found, v_step.wanted);
    end loop;
    update store.product as p
    set retail_price = (s.wanted ->> 'retail_price')::numeric
    from jsonb_to_recordset(v_plan) as s (table_name text, wanted jsonb)
    where p.id = p_product_id and s.table_name = 'product';

    v_stock.feed_key := greatest(v_stock.feed_key, inventory.feed_key());
    -- The balances, with a movement that changes nothing and says why.
    if
        v_stock.product_id is not null
        and v_plan @? '$[*] ? (@.table_name != "movement" && @.table_name != "product" && @.table_name != "price_turn")'
    then
        select * into v_stock
        from jsonb_populate_record(v_stock, jsonb_path_query_first(v_plan, '$[*] ? (@.table_name == "stock").wanted'));
        v_stock.last_number := v_stock.last_number + 1;
        v_stock.updated_at := inventory.clock();
        perform inventory.write_postings(
            array[v_stock],
            array[inventory.new_movement('repair', v_stock, v_stock, null, p_cause, p_actor, v_stock.updated_at)],
            null, null, null, null, null,
            array(
                select jsonb_populate_record(null::store.location_stock, p.wanted)
                from jsonb_to_recordset(v_plan) as p (table_name text, wanted jsonb)
                where p.table_name = 'location_stock'
            ),
            null, null
        );
    end if;

    -- Movements that take back changes which no movement made. As with every departure, unlocated units leave first.
    for v_step in
        select p.wanted ->> 'reference' as reference, w.*
        from jsonb_to_recordset(v_plan) as p (table_name text, wanted jsonb)
        cross join lateral jsonb_to_record(p.wanted) as w (on_hand numeric, reserved numeric, blocked numeric)
        where p.table_name = 'movement'
        order by w.on_hand desc, (p.wanted ->> 'reference')::bigint
    loop
        v_before := v_stock;
        v_stock.on_hand := v_stock.on_hand + v_step.on_hand;
        v_stock.reserved := v_stock.reserved + v_step.reserved;
        v_stock.blocked := v_stock.blocked + v_step.blocked;
        v_stock.located := least(v_stock.located, v_stock.on_hand);
        if v_step.on_hand < 0 then
            v_left := inventory.share(v_before.average_quantity, -v_step.on_hand, v_before.on_hand);
            v_stock.average_value := v_before.average_value
                - inventory.share(v_before.average_value, v_left, v_before.average_quantity);
            v_stock.average_quantity := v_before.average_quantity - v_left;
        end if;
        v_stock.last_number := v_stock.last_number + 1;
        v_stock.updated_at := inventory.clock();
        v_movements := array[
            inventory.new_movement('repair', v_before, v_stock, v_step.reference, p_cause, p_actor, v_stock.updated_at)
        ];
        v_location_stocks := null;
        v_location_movements := null;
        v_left := v_before.located - v_stock.located;
        for v_location in
            select *
            from store.location_stock as h
            where h.product_id = p_product_id and h.quantity > 0
            order by h.arrived_at, h.location_id
        loop
            exit when v_left = 0;
            v_location_movements := v_location_movements || row(
                p_product_id, v_movements[1].id, v_location.location_id, v_location.quantity,
                v_location.quantity - least(v_location.quantity, v_left)
            )::store.location_movement;
            v_left := v_left - least(v_location.quantity, v_left);
            v_location.quantity := (v_location_movements[cardinality(v_location_movements)]).quantity_after;
            v_location_stocks := v_location_stocks || v_location;
        end loop;
        perform inventory.write_postings(
            array[v_stock], v_movements, null, null, null, null, null, v_location_stocks, v_location_movements,
            case
                when v_stock.on_hand <= v_stock.reorder_point and v_before.on_hand > v_stock.reorder_point then array[v_stock]
            end
        );
    end loop;

    perform inventory.record_change(
        'repair', p.table_name, jsonb_build_object(p.table_name, p.found),
        jsonb_build_object(p.table_name, p.wanted, 'cause', p_cause), p_actor, p_product_id
    )
    from jsonb_to_recordset(v_plan) as p (table_name text, found jsonb, wanted jsonb)
    where p.table_name <> 'movement';

    select jsonb_agg(p) into v_left_over from maintenance.plan_of(p_product_id) as p;
    if v_left_over is not null then
        raise exception using
            errcode = 'data_corrupted',
            message = format('The repair of product %s would leave differences.', p_product_id),
            detail = v_left_over::text,
            hint = c_hint;
    end if;
    return query
    select p.check_name, p.action, p.table_name, p.found, p.wanted
    from jsonb_to_recordset(v_plan) as p (check_name text, action text, table_name text, found jsonb, wanted jsonb);
end;
$$;

comment on function maintenance.repair(bigint, inventory.reason, text) is
'Repair one product as maintenance.plan_repair() shows, and return what was done; no row if nothing was wrong.

p_product_id: the product; null: the totals of lists. p_cause: what damaged the data, 1 to 500 characters. p_actor null: the
login.

Balances, cost layers, blocks, locations, records and prices are set back to what follows from the ledger. Rows of the ledger are
never changed. What is done stands in the ledger, in movements of the kind repair with the cause, and in store.audit, with each
row before and after. Afterwards maintenance.verify() finds nothing for the product; otherwise nothing is changed.

Locks the product''s stock row, then its row: sales wait meanwhile, and continue with the repaired balances. Errors:
PRODUCT_NOT_FOUND; 22004, 22023 for the cause; XX001 if a difference has no repair.';

grant execute on function maintenance.repair(bigint, inventory.reason, text) to inventory_maintenance;
