create or replace function maintenance.set_back(p_table text, p_found jsonb, p_wanted jsonb)
returns void
language plpgsql
volatile
as $$
declare
    v_key constant text := (
        select string_agg(format('t.%1$I = r.%1$I', a.attname), ' and ')
        from pg_index as i
        inner join pg_attribute as a on i.indrelid = a.attrelid and a.attnum = any(i.indkey)
        where i.indrelid = format('store.%I', p_table)::regclass and i.indisprimary
    );
begin
    -- One statement: foreign keys that refer to a row find the new one at its end.
    execute format(
        'with gone as ('
        'delete from store.%1$I as t using jsonb_populate_recordset(null::store.%1$I, $1) as r where %2$s returning 1'
        ') insert into store.%1$I overriding system value'
        ' select r.* from jsonb_populate_recordset(null::store.%1$I, $2) as r where (select count(*) from gone) >= 0',
        p_table, v_key
    )
    using p_found, p_wanted;
end;
$$;

comment on function maintenance.set_back(text, jsonb, jsonb) is
'Replace rows of a table in the schema store: p_found, an array of the rows as they are, by p_wanted.

Only maintenance.repair() calls it, with the lock of the product.';
