create or replace function http.list_counts(
    p_location inventory.location_code default null,
    p_status inventory.count_status default null,
    p_limit inventory.page_limit default 100,
    p_after bigint default null
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
    v_limit constant integer := coalesce(p_limit, 100);
    v_ids constant bigint [] := array(
        select c.id
        from store.count as c
        inner join store.location as l on c.location_id = l.id
        where
            (p_location is null or l.code = p_location)
            and (p_status is null or c.status = p_status)
            and (p_after is null or c.id < p_after)
        order by c.id desc
        limit v_limit + 1
    );
begin
    return json_build_object(
        'counts',
        (select coalesce(json_agg(c.item order by c.id desc), '[]') from http.count_json as c where c.id = any(v_ids[:v_limit])),
        'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
    );
end;
$$;

comment on function http.list_counts(
    inventory.location_code, inventory.count_status, inventory.page_limit, bigint
) is
'List the counts, newest first.

location, status: only counts of that location, with that status. limit: 1 to 1000 (default 100). after: only counts with a lower
id.
next is the value of after for the next page; null if there are no more counts.

Returns {"counts": ["count_json"], "next": "integer?"}';

grant execute on function http.list_counts(
    inventory.location_code, inventory.count_status, inventory.page_limit, bigint
) to inventory_operator;
