create or replace function inventory.add_row_total(
    p_subject text,
    p_delta bigint,
    p_category_id bigint default null,
    p_brand_id bigint default null
)
returns void
language plpgsql
volatile
as $$
begin
    insert into store.row_total (subject, category_id, brand_id, delta)
    values (p_subject, coalesce(p_category_id, 0), coalesce(p_brand_id, 0), p_delta);

    if random() < 1.0 / 50 then
        with gone as (
            delete from store.row_total as c
            where c.ctid = any(
                array(
                    select o.ctid
                    from store.row_total as o
                    where
                        o.subject = p_subject
                        and (o.category_id, o.brand_id) >= (coalesce(p_category_id, 0), coalesce(p_brand_id, 0))
                    order by o.category_id, o.brand_id
                    limit 100
                    for update skip locked
                )
            )
            returning c.category_id, c.brand_id, c.delta
        )

        insert into store.row_total (subject, category_id, brand_id, delta)
        select p_subject, g.category_id, g.brand_id, sum(g.delta)
        from gone as g
        group by g.category_id, g.brand_id
        having sum(g.delta) <> 0;
    end if;
end;
$$;

comment on function inventory.add_row_total(text, bigint, bigint, bigint) is
'Add p_delta, which may be negative, to the total of a large list: see inventory.row_total. Waits for no lock.

Each call inserts a row. About one call in 50 also folds up to 100 rows, starting with its own category and brand, into one row
for each category and brand. The table therefore keeps about two rows for each pair, however many products there are. The fold
skips rows that another call has locked.';
