create or replace function maintenance.step_text(p_table text, p_found jsonb, p_wanted jsonb)
returns text
language plpgsql
immutable
as $$
begin
    return case
        when p_table = 'movement' then
            format(
                'Post a movement that takes back the change before movement %s: %s.', p_wanted ->> 'before_movement',
                (
                    select string_agg(
                        format('%s %s%s', k.key, case when (k.value #>> '{}')::numeric > 0 then '+' end, k.value), ', '
                        order by k.key
                    )
                    from jsonb_each(p_wanted - 'before_movement' - 'reference') as k
                    where (k.value #>> '{}')::numeric <> 0
                )
            )
        when p_found is null then format('Write the lost row of %s: %s.', p_table, p_wanted)
        when p_wanted is null then format('Remove the row of %s: %s.', p_table, p_found)
        else
            format(
                'Set back %s%s: %s.', p_table, coalesce(' ' || (p_found ->> 'id'), ''),
                (
                    select string_agg(
                        format('%s %s to %s', k.key, coalesce(p_found ->> k.key, 'null'), coalesce(p_wanted ->> k.key, 'null')),
                        ', ' order by k.key
                    )
                    from jsonb_object_keys(p_wanted) as k (key)
                    where p_found -> k.key is distinct from p_wanted -> k.key
                )
            )
    end;
end;
$$;

comment on function maintenance.step_text(text, jsonb, jsonb) is 'A step of a repair in words: see maintenance.plan_of().';
