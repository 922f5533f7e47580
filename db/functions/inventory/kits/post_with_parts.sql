create or replace function inventory.post_with_parts(p_lines inventory.posting[])
returns inventory.posted[]
language plpgsql
volatile
as $$
declare
    v_lines constant inventory.posting [] := inventory.with_parts(p_lines);
    v_posted constant inventory.posted [] := inventory.post(v_lines);
    v_result inventory.posted [] := v_posted[:cardinality(p_lines)];
    v_refused record;
begin
    for v_refused in
        select
            l.kit_line,
            p_lines[l.kit_line].quantity as requested,
            -- How many kits each part allows.
            min(floor((p.detail ->> 'available')::numeric / (l.quantity / p_lines[l.kit_line].quantity)))
                filter (where p.sqlstate = 'IV001') as available, -- INSUFFICIENT_STOCK
            min(l.ordinality) filter (where p.sqlstate <> 'IV001') as other
        from unnest(v_lines) with ordinality as l
        inner join unnest(v_posted) with ordinality as p on l.ordinality = p.ordinality
        where l.ordinality > cardinality(p_lines) and p.sqlstate is not null
        group by l.kit_line
    loop
        if v_result[v_refused.kit_line].sqlstate is null then
            v_result[v_refused.kit_line] := case
                when v_refused.other is not null then v_posted[v_refused.other]
                else inventory.not_enough_available(v_refused.available, v_refused.requested)
            end;
        end if;
    end loop;
    return v_result;
end;
$$;

comment on function inventory.post_with_parts(inventory.posting[]) is
'Post lines as inventory.post does, and with each line of a kit the lines of its parts (inventory.with_parts).

Returns one result for each given line. The result of a kit''s line is a refusal if one of its parts is refused. The caller must
turn a refusal into an error, because other lines of the same kit may have been accepted.';
