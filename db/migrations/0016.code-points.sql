-- SKU codes, location codes, Idempotency-Keys and user names are ordered by their code points, whatever the database's locale is.
-- A search ignores the case of every script's letters, whatever the locale is.

-- It locks these tables for as long as it takes, and calls that need them wait. No table is written anew, only the indexes of
-- these columns: less than a minute for a million products and as many ART orders, on two busy cores.

-- squawk-ignore-file changing-column-type, require-concurrent-index-creation, require-concurrent-index-deletion
set local lock_timeout = '5s';
set local statement_timeout = '1h';

drop index store.product_search_idx;
drop index store.supplier_search_idx;

do $$
declare
    v_view record;
    v_statements text [] := '{}';
begin
    -- PostgreSQL does not alter a column that a view uses. The views are dropped and made again, because the servers of the
    -- release before use them until db.apply has replaced them.
    for v_view in
        with recursive dependent (oid, depth) as (
            select to_regclass('store.' || t.name)::oid, 0
            from unnest('{product,deleted_product,art_operation,location,user_account,supplier}'::text []) as t (name)
            union
            select r.ev_class, v.depth + 1
            from dependent as v
            inner join pg_depend as d
                on d.refclassid = 'pg_class'::regclass and v.oid = d.refobjid and d.classid = 'pg_rewrite'::regclass
            inner join pg_rewrite as r on d.objid = r.oid and v.oid <> r.ev_class
        )

        select c.oid::regclass::text as name, c.oid, c.relacl, c.relowner
        from (select d.oid, max(d.depth) as depth from dependent as d group by d.oid) as v
        inner join pg_class as c on v.oid = c.oid
        where v.depth > 0
        order by v.depth desc
    loop
        if v_view.relowner <> current_user::regrole then
            raise exception using
                errcode = 'dependent_objects_still_exist',
                message = format('The view %s uses tables that this migration changes.', v_view.name),
                hint = 'Drop it, and create it again after db.apply.';
        end if;
        v_statements := v_statements || concat(
            format('create view %s as %s', v_view.name, pg_get_viewdef(v_view.oid)),
            (
                select string_agg(format('grant %s on %s to %s;', a.privilege_type, v_view.name, a.grantee::regrole), '')
                from aclexplode(v_view.relacl) as a
                where a.grantee <> v_view.relowner
            )
        );
        execute format('drop view %s', v_view.name);
    end loop;

    alter table store.product alter column sku type text collate "C";
    alter table store.deleted_product alter column sku type text collate "C";
    alter table store.location alter column code type text collate "C";
    alter table store.art_operation
    alter column sku type text collate "C",
    alter column from_location type text collate "C",
    alter column to_location type text collate "C";
    alter table store.idempotency_key
    alter column caller type text collate "C",
    alter column key type text collate "C";
    alter table store.user_account alter column username type text collate "C";
    alter table store.supplier alter column email type text collate "C";

    for i in reverse cardinality(v_statements) .. 1 loop
        execute v_statements[i];
    end loop;
end;
$$;

-- The expression of http.folded.
create index product_search_idx on store.product using gin (
    translate(lower(name collate "und-x-icu"), e'\u03c2\u0131\u0307', e'\u03c3i') extensions.gin_trgm_ops, -- noqa: RF05
    translate(lower(sku collate "und-x-icu"), e'\u03c2\u0131\u0307', e'\u03c3i') extensions.gin_trgm_ops -- noqa: RF05
);
create index supplier_search_idx on store.supplier using gin (
    translate(lower(name collate "und-x-icu"), e'\u03c2\u0131\u0307', e'\u03c3i') extensions.gin_trgm_ops -- noqa: RF05
);

-- The planner has no statistics of the columns above any more, and none of the new expressions.
analyze store.product, store.supplier, store.art_operation, store.location, store.idempotency_key, store.user_account;
