create or replace function maintenance.plan_repair(p_from bigint default null, p_to bigint default null)
returns table (
    product_id bigint, check_name text, is_possible boolean, action text, table_name text, found jsonb, wanted jsonb
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set work_mem = '64MB'
set jit = off
as $$
begin
    return query
    select
        w.product_id, p.check_name, p.problem is null,
        coalesce(p.problem, maintenance.step_text(p.table_name, p.found, p.wanted)), p.table_name, p.found, p.wanted
    from (select distinct v.product_id from maintenance.verify(p_from, p_to) as v) as w
    cross join lateral maintenance.plan_of(w.product_id) as p
    order by w.product_id;
end;
$$;

comment on function maintenance.plan_repair(bigint, bigint) is
'Show what maintenance.repair() would do about each difference that maintenance.verify() finds. It only reads.

p_from, p_to: only products with an id in this range; null: all products, and the totals of lists. There is a row for each row
that would be set back, written or removed, and for each movement that would be posted. A product for which there is no repair has
the reasons instead.

product_id: the product; null: a total of a list.
check_name: the checks that found a difference.
is_possible: whether there is a repair.
action: what it would do, or why it cannot, in words.
table_name, found, wanted: the row of the schema store as it is and as it would be.';

grant execute on function maintenance.plan_repair(bigint, bigint) to inventory_maintenance;
