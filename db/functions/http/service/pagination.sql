create or replace function http.pagination(
    p_page bigint,
    p_per_page integer,
    p_count bigint,
    p_count_limit bigint default null
)
returns json
language plpgsql
immutable
parallel safe
as $$
declare
    v_is_exact constant boolean := p_count_limit is null or p_count < p_count_limit;
    v_total constant bigint := case when v_is_exact then p_count else p_count_limit - 1 end;
begin
    if p_count > 250000 and (p_page - 1) * p_per_page > 250000 and p_count_limit is not null then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'page must not begin after row 250000 of a longer list: use a filter',
            detail = jsonb_build_object('field', 'page', 'input', p_page);
    end if;
    return json_build_object(
        'page', p_page,
        'per_page', p_per_page,
        'total', v_total,
        'pages', ceil(v_total::numeric / p_per_page),
        'has_next', p_count > p_page * p_per_page,
        'has_prev', p_page > 1,
        'is_total_exact', v_is_exact
    );
end;
$$;

comment on function http.pagination(bigint, integer, bigint, bigint) is
'The position of a page in a list of API 3.

p_count rows were counted, up to p_count_limit (null: all). If there are more rows than the limit, total and pages are lower
bounds, and is_total_exact is false. has_next is always exact.

A page after the end is empty. If rows are counted up to a limit, a page that begins after row 250 000 of a longer list is
refused, because reading so many rows would take too long.

Returns {"page": "integer", "per_page": "integer", "total": "integer", "pages": "integer", "has_next": "boolean",
"has_prev": "boolean", "is_total_exact": "boolean"}';
