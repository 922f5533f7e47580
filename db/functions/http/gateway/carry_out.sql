create or replace function http.carry_out(
    p_functions text[],
    p_arguments jsonb[],
    p_lines inventory.posting[],
    p_orders inventory.art_order[],
    out results json[],
    out errors jsonb[]
)
returns record
language plpgsql
volatile
as $$
declare
    v_lines inventory.posting [] := p_lines;
    v_posted inventory.posted [];
    v_order_at integer [];
    v_prepared record;
    v_done record;
    v_operations store.art_operation [] := '{}'::store.art_operation [];
    v_of_orders inventory.posted [] := '{}'::inventory.posted [];
    v_one inventory.posted;
    v_position integer := 0;
    v_answered text [] := p_functions;
begin
    v_order_at := array(select i from generate_subscripts(p_functions, 1) as i where p_functions[i] = 'place_order');
    if cardinality(v_order_at) > 0 then
        v_prepared := inventory.prepare_orders(
            array(select p_orders[i] from unnest(v_order_at) as i),
            array(select p_arguments[i] ->> 'p_actor' from unnest(v_order_at) as i)
        );
        for k in 1..cardinality(v_order_at)
        loop
            v_lines[v_order_at[k]] := v_prepared.lines[k];
        end loop;
    end if;

    v_posted := inventory.post(v_lines);

    if cardinality(v_order_at) > 0 then
        for k in 1..cardinality(v_order_at)
        loop
            v_of_orders[k] := v_posted[v_order_at[k]];
        end loop;
        v_done := inventory.finish_orders(
            v_prepared.operations, v_prepared.refusals, v_of_orders, v_prepared.new_locations
        );
        for k in 1..cardinality(v_order_at)
        loop
            v_posted[v_order_at[k]] := v_done.refusals[k];
            v_operations[v_order_at[k]] := v_done.operations[k];
        end loop;
    end if;

    foreach v_one in array v_posted
    loop
        v_position := v_position + 1;
        if v_one.sqlstate is not null then
            errors[v_position] := http.error_json(v_one.sqlstate, v_one.message, v_one.detail::text, v_one.hint);
            v_answered[v_position] := null;
        end if;
    end loop;
    results := http.answers(v_answered, v_posted, v_operations);
end;
$$;

comment on function http.carry_out(text[], jsonb[], inventory.posting[], inventory.art_order[]) is
'Post the lines and orders of calls (http.prepare_line, http.prepare_order) together, and return the answer of each call, or its
error in the form of http.error_json. A call whose function is null is skipped.';
