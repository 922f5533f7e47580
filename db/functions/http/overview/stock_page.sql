create or replace function http.stock_page(
    p_state inventory.stock_state,
    p_after bigint,
    p_limit integer,
    out ids bigint[],
    out next bigint
)
returns record
language plpgsql
stable
as $$
declare
    v_most constant bigint := 100000;
begin
    -- No index finds what is sold out, because it would make each change of a balance slower. So the search has a bound.
    if p_state = 'sold_out' then
        select s.product_id into next
        from store.stock as s
        where s.product_id > p_after
        order by s.product_id
        limit 1
        offset v_most - 1;
    end if;
    execute format(
        'select array(select m.id from (%s) as m where m.id > $1 and ($2 is null or m.id <= $2) order by m.id limit $3)',
        case
            when p_state is null then 'select p.id from store.product as p'
            else 'select s.product_id as id from store.stock as s where true' || http.stock_condition(p_state)
        end
    )
    into ids
    using p_after, next, p_limit + 1;
    if cardinality(ids) > p_limit then
        ids := ids[:p_limit];
        next := ids[p_limit];
    end if;
end;
$$;

comment on function http.stock_page(inventory.stock_state, bigint, integer) is
'The ids of at most p_limit products in this state (null: any) with an id above p_after, in order, and where to go on; null at the
end.

For sold_out it reads at most 100 000 products: ids may have fewer than p_limit, or none, though there are more after next.';
