create or replace function http.batch(p_calls jsonb)
returns table (number integer, replayed boolean, result json, error jsonb)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
set jit = off
set lock_timeout = '100ms'
as $$
declare
    c_alone constant jsonb := http.error_json('40001', 'This call has to be made alone.');
    v_call record;
    v_count integer := 0;
    c_size constant integer [] := array[case jsonb_typeof(p_calls) when 'array' then jsonb_array_length(p_calls) else 0 end];
    v_function text;
    v_may_call boolean;
    v_functions text [] := array_fill(null::text, c_size);
    v_arguments jsonb [] := array_fill(null::jsonb, c_size);
    v_lines inventory.posting [] := array_fill(null::inventory.posting, c_size);
    v_orders inventory.art_order [] := array_fill(null::inventory.art_order, c_size);
    v_is_keyed boolean := false;
    v_owners text [];
    v_keys text [];
    v_requests text [];
    v_kept text [];
    v_results json [] := array_fill(null::json, c_size);
    v_errors jsonb [] := v_arguments;
    v_are_replayed boolean [];
    v_claimed record;
    v_done record;
    v_number integer;
    v_product text;
    v_is_posted boolean := false;
    v_busy text [] := '{}'::text [];
    v_sqlstate text;
    v_message text;
    v_detail text;
    v_hint text;
    v_constraint text;
begin
    if jsonb_typeof(p_calls) is distinct from 'array' then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'calls must be an array',
            detail = jsonb_build_object('field', 'calls');
    elsif p_calls = '[]' then
        return;
    end if;

    -- Make lines from the arguments. A call with wrong arguments is refused here, before anything is written.
    for v_call in
        select a.call ->> 'function' as function, a.call -> 'arguments' as arguments, a.call ? 'once' as is_keyed
        from jsonb_array_elements(p_calls) as a (call)
    loop
        v_count := v_count + 1;
        if v_function is distinct from v_call.function then
            v_function := v_call.function;
            v_may_call := http.may_call(v_function) and v_function = any(http.batch_functions());
        end if;
        if v_may_call is not true then
            v_errors[v_count] := http.error_json('42501', format('permission denied for function %s in a batch', v_function));
            continue;
        end if;
        v_functions[v_count] := v_call.function;
        v_arguments[v_count] := v_call.arguments;
        if v_call.is_keyed then
            v_is_keyed := true;
        end if;
        if v_call.arguments ? 'p_expected' then
            -- inventory.post does not compare tags.
            v_errors[v_count] := c_alone;
            continue;
        end if;
        begin
            if v_function = 'place_order' then
                v_orders[v_count] := http.prepare_order(v_call.arguments);
            else
                v_lines[v_count] := http.prepare_line(v_function, v_call.arguments);
            end if;
        exception
            when others then
                get stacked diagnostics
                    v_sqlstate = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail,
                    v_hint = pg_exception_hint, v_constraint = constraint_name;
                if v_sqlstate ~ '^(53[0-3]|57|58|XX)' then
                    raise;
                end if;
                v_errors[v_count] := http.error_json(v_sqlstate, v_message, v_detail, v_hint, v_constraint);
        end;
    end loop;

    if v_is_keyed then
        -- A call that the caller may not make gets no key: the answer that is stored for it must not be shown.
        select
            array_agg(http.key_owner(a.call #>> '{once,caller}') order by a.number),
            array_agg(case when a.function is not null then a.call #>> '{once,key}' end order by a.number),
            array_agg(a.call #>> '{once,request}' order by a.number)
        into v_owners, v_keys, v_requests
        from rows from (jsonb_array_elements(p_calls), unnest(v_functions)) with ordinality as a (call, function, number);
        v_claimed := http.claim_keys(v_owners, v_keys, v_requests);
        v_kept := v_keys;
        v_are_replayed := v_claimed.are_replayed;
        if v_claimed.errors is not null or v_are_replayed is not null then
            for i in 1..v_count
            loop
                if v_claimed.errors[i] is not null or v_are_replayed[i] then
                    v_results[i] := v_claimed.results[i];
                    v_errors[i] := v_claimed.errors[i];
                    v_kept[i] := null;
                end if;
            end loop;
        end if;
    end if;
    for i in 1..v_count
    loop
        if v_errors[i] is not null or v_are_replayed[i] then
            v_functions[i] := null;
            v_lines[i] := null;
        end if;
    end loop;

    -- Batches with several calls for one product queue for an advisory lock, in order of arrival, before any row is locked. The
    -- row lock itself is not fair: a new batch could overtake a waiting one, whose old snapshot would keep more and more dead row
    -- versions alive.
    perform pg_advisory_xact_lock(hashtextextended('product ' || q.product_id, 0))
    from (
        select l.product_id
        from unnest(v_lines) as l
        inner join store.stock as s on l.product_id = s.product_id
        cross join lateral inventory.movement_kind(l.kind) as k
        group by l.product_id
        -- A sold-out product needs no queue: its calls are refused without a lock.
        having
            count(*) > 1
            and bool_or(k.reserved + k.blocked - k.on_hand <= 0 or l.quantity <= s.on_hand - s.reserved)
        order by l.product_id
    ) as q;

    begin
        v_done := http.carry_out(v_functions, v_arguments, v_lines, v_orders);
        v_is_posted := true;
    exception
        when others then
            get stacked diagnostics v_sqlstate = returned_sqlstate;
            if v_sqlstate ~ '^(53[0-3]|57|58|XX)' then
                -- The error is not the fault of any call.
                raise;
            end if;
    end;
    for i in 1..v_count
    loop
        if v_is_posted and v_functions[i] is not null then
            v_results[i] := v_done.results[i];
            v_errors[i] := v_done.errors[i];
        end if;
    end loop;

    if not v_is_posted then
        -- One of the calls failed, or another transaction holds the lock of its product for too long. Post each call on its own
        -- savepoint, in order of product, and wait for each locked product only once.
        for v_number, v_product in
            select l.ordinality, coalesce(l.product_id::text, (v_orders[l.ordinality]).sku)
            from unnest(v_lines) with ordinality as l
            where v_functions[l.ordinality] is not null
            order by l.product_id, l.ordinality
        loop
            if v_product = any(v_busy) then
                v_errors[v_number] := c_alone;
                continue;
            end if;
            begin
                v_done := http.carry_out(
                    array[v_functions[v_number]], array[v_arguments[v_number]], array[v_lines[v_number]],
                    array[v_orders[v_number]]
                );
                v_results[v_number] := v_done.results[1];
                v_errors[v_number] := v_done.errors[1];
            exception
                when others then
                    get stacked diagnostics
                        v_sqlstate = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail,
                        v_hint = pg_exception_hint, v_constraint = constraint_name;
                    if v_sqlstate ~ '^(53[0-3]|57|58|XX)' then
                        raise;
                    elsif v_sqlstate = '55P03' then
                        v_busy := v_busy || v_product;
                    end if;
                    v_errors[v_number] := http.error_json(v_sqlstate, v_message, v_detail, v_hint, v_constraint);
            end;
        end loop;
    end if;

    if v_is_keyed then
        -- Store business errors, with the time of the answer. Other errors are not stored.
        for i in 1..v_count
        loop
            if v_errors[i] is null then
                continue;
            elsif v_errors[i] ->> 'sqlstate' not like 'IV%' then
                v_kept[i] := null;
            elsif v_kept[i] is not null then
                v_errors[i] := v_errors[i] || jsonb_build_object('at', http.instant_without_offset(inventory.clock()));
            end if;
        end loop;
        perform http.keep_answers(v_owners, v_kept, v_requests, v_results, v_errors);
        -- Answer the calls whose key an earlier call of the array had taken.
        for i in 1..case when c_alone = any(v_errors) then v_count else 0 end
        loop
            if v_keys[i] is not null and v_errors[i] = c_alone and v_functions[i] is null then
                v_claimed := http.claim_keys(array[v_owners[i]], array[v_keys[i]], array[v_requests[i]]);
                v_are_replayed[i] := v_claimed.are_replayed[1];
                v_results[i] := v_claimed.results[1];
                v_errors[i] := case
                    when v_are_replayed[i] then v_claimed.errors[1]
                    else coalesce(v_claimed.errors[1], c_alone)
                end;
            end if;
        end loop;
    end if;

    return query
    select i, coalesce(v_are_replayed[i], false), v_results[i], v_errors[i]
    from generate_series(1, v_count) as i;
end;
$$;

comment on function http.batch(jsonb) is
'Make many short calls in one transaction, with one posting (inventory.post) and one commit.

p_calls: an array of {"function", "arguments": {"p_…": …}, "once": {"caller", "key", "request"}}. once may be left out; it holds
the arguments of http.once. http.batch_functions() lists the functions. The role that is logged in needs EXECUTE on each of them.

Returns a row for each call, in their order: its number in the array, from 1, and its result or its error {"sqlstate",
"message", "detail", "hint", "constraint"}. An error does not affect the other calls. The calls are made in order of the products
that they lock, and the calls for one product in the order of the array. Batches with several calls for one product queue for it
in order of arrival. No lock is waited for longer than 0.1 s. A call with sqlstate 40001, 40P01 or 55P03 was undone and must be
made alone: its key is in the array twice, it has an argument p_expected, or another transaction holds the lock of its product
for longer.';

grant execute on function http.batch(jsonb) to inventory_operator;
