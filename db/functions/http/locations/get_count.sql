create or replace function http.get_count(p_count_id bigint)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count json;
begin
    select c.item into v_count from http.count_json as c where c.id = p_count_id;
    if not found then
        raise exception using
            errcode = 'IV032', -- COUNT_NOT_FOUND
            message = format('Count %s does not exist', p_count_id);
    end if;
    return json_build_object('count', v_count);
end;
$$;

comment on function http.get_count(bigint) is
'Show a count with its lines.

Returns {"count": "count_json"}
Errors: COUNT_NOT_FOUND.';

grant execute on function http.get_count(bigint) to inventory_operator;
