create or replace function http.batch(p_calls jsonb)
returns table (number integer, replayed boolean, result json, error jsonb)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '100ms'
as $$
declare
    v_call record;
    v_function text;
    v_may_call boolean;
    v_busy_id bigint;
    v_queued_id bigint;
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
    end if;

    -- In order of product, whatever order the calls come in: each locks its product, and two batches never wait for each
    -- other in a ring.
    for v_call in
        select
            c.*,
            lead(c.product_id) over (order by c.product_id, c.number) = c.product_id as is_followed
        from (
            select
                a.number,
                a.call ->> 'function' as function,
                a.call -> 'arguments' as arguments,
                a.call -> 'once' as once,
                http.batch_product(a.call ->> 'function', a.call -> 'arguments') as product_id
            from jsonb_array_elements(p_calls) with ordinality as a (call, number)
        ) as c
        order by c.product_id, c.number
    loop
        number := v_call.number;
        replayed := false;
        result := null;
        error := null;

        if v_function is distinct from v_call.function then
            v_function := v_call.function;
            v_may_call := http.may_call(v_function) and v_function = any(http.batch_functions());
        end if;

        if v_may_call is not true then
            error := jsonb_build_object(
                'sqlstate', '42501', 'message', format('permission denied for function %s in a batch', v_function)
            );
        elsif v_call.product_id is null or v_call.product_id = v_busy_id then
            error := jsonb_build_object('sqlstate', '40001', 'message', 'This call has to be made alone.');
        else
            begin
                if v_call.is_followed and v_call.product_id is distinct from v_queued_id then
                    -- A product that many want. Batches queue for it in order of arrival: for the row itself one that has
                    -- just come would go before one that waits, whose old snapshot keeps ever more dead versions of it.
                    perform pg_advisory_xact_lock(hashtextextended('product ' || v_call.product_id, 0));
                    v_queued_id := v_call.product_id;
                end if;
                if v_call.once is null then
                    result := http.batch_call(v_function, v_call.arguments);
                else
                    select o.replayed, o.result, o.error into replayed, result, error
                    from http.once(
                        v_call.once ->> 'caller', v_call.once ->> 'key', v_call.once ->> 'request', v_function, v_call.arguments
                    ) as o;
                end if;
            exception
                when others then
                    get stacked diagnostics
                        v_sqlstate = returned_sqlstate,
                        v_message = message_text,
                        v_detail = pg_exception_detail,
                        v_hint = pg_exception_hint,
                        v_constraint = constraint_name;
                    -- With the savepoint its place in the queue is gone.
                    v_queued_id := null;
                    if v_sqlstate ~ '^(53|57|58|XX)' then
                        -- No fault of the call's.
                        raise;
                    elsif v_sqlstate = '55P03' then
                        -- Somebody holds it for long: it is not waited for again.
                        v_busy_id := v_call.product_id;
                    end if;
                    replayed := false;
                    result := null;
                    error := jsonb_build_object(
                        'sqlstate', v_sqlstate,
                        'message', v_message,
                        'detail', nullif(v_detail, ''),
                        'hint', nullif(v_hint, ''),
                        'constraint', nullif(v_constraint, '')
                    );
            end;
        end if;
        return next;
    end loop;
end;
$$;

comment on function http.batch(jsonb) is
'Make many short calls in one transaction, each on a savepoint of its own: one commit for all.

p_calls: an array of {"function", "arguments": {"p_…": …}, "once": {"caller", "key", "request"}}, where once, which may be left
out, is what http.once takes. The functions: http.batch_functions(). The role that is logged in needs EXECUTE on each.

Returns a row for each call, in no order: its number in the array, from 1, and its result or its error {"sqlstate",
"message", "detail", "hint", "constraint"}, of which no other call knows. The calls are made in order of the products that
they lock, those of one product in the array''s order; batches with several calls for one product queue for it in order of
arrival. No lock is waited for longer than 0.1 s. A call with sqlstate 40001,
40P01 or 55P03 was undone, and is to be made alone: its product cannot be told beforehand, or is held by somebody for longer.';

grant execute on function http.batch(jsonb) to inventory_operator;
