create or replace function http.answers(
    p_functions text[],
    p_posted inventory.posted[],
    p_operations store.art_operation[]
)
returns json[]
language plpgsql
stable
as $$
declare
    v_results json [] := array_fill(null::json, array[cardinality(p_functions)]);
    v_position integer;
    v_item json;
begin
    if p_functions && '{convert_block,cancel_block,place_order}'::text [] then
        for i in 1..cardinality(p_functions)
        loop
            v_results[i] := case p_functions[i]
                when 'convert_block' then http.converted_json(p_posted[i].block)
                when 'cancel_block' then http.cancelled_json(p_posted[i].block)
                when 'place_order' then http.art_operation_json(p_operations[i])
            end;
        end loop;
    end if;
    if p_functions && '{create_block,create_sale,create_purchase,create_inflow,create_outflow}'::text [] then
        for v_position, v_item in
            with called as (
                select
                    f.ordinality as position,
                    f.name,
                    (f.block).id as block_id,
                    case
                        when f.name in ('create_sale', 'create_purchase', 'create_inflow', 'create_outflow')
                            then (f.movement).reference::bigint
                    end as id
                from rows from (unnest(p_functions), unnest(p_posted)) with ordinality as f (name)
                where (f.movement).id is not null
            )

            select c.position, a.item
            from called as c inner join http.block_json as a on c.block_id = a.id
            where c.name = 'create_block'
            union all
            select c.position, a.item
            from called as c inner join http.sale_with_inventory as a on c.id = a.id
            where c.name = 'create_sale'
            union all
            select c.position, a.item
            from called as c inner join http.purchase_with_inventory as a on c.id = a.id
            where c.name = 'create_purchase'
            union all
            select c.position, a.item
            from called as c inner join http.inflow_json as a on c.id = a.id
            where c.name = 'create_inflow'
            union all
            select c.position, a.item
            from called as c inner join http.outflow_json as a on c.id = a.id
            where c.name = 'create_outflow'
        loop
            v_results[v_position] := v_item;
        end loop;
    end if;
    return v_results;
end;
$$;

comment on function http.answers(text[], inventory.posted[], store.art_operation[]) is
'The JSON that http.<function> answers to each posted call; null for a function that answers nothing.

A call whose function is null is skipped.';
