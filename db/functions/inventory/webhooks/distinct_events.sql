create or replace function inventory.distinct_events(p_events inventory.webhook_events)
returns text[]
language plpgsql
immutable
as $$
begin
    return (
        select array_agg(u.event order by u.position)
        from (
            select e.event::text as event, min(e.position) as position
            from unnest(p_events) with ordinality as e (event, position)
            group by e.event
        ) as u
    );
end;
$$;

comment on function inventory.distinct_events(inventory.webhook_events) is
'The names of events without duplicates, in the order of their first appearance.';
