create or replace function inventory.movement_kinds()
returns table (kind text, is_history boolean, is_sale boolean, undoes text)
language plpgsql
immutable
parallel safe
as $$
begin
    return query
    select k.kind, (k.it).is_history, (k.it).is_sale, (k.it).undoes
    from (
        select n.kind, inventory.movement_kind(n.kind) as it
        from unnest(
            '{
                reserve,release,consume,block,convert,cancel,expire,sale,return,
                kit_consume,kit_convert,kit_sale,kit_return,part_sale,part_return,
                purchase,outflow,delete_outflow,inflow,delete_inflow,
                add,remove,transfer,count,initial,adjust,delete_product,repair
            }'::text []
        ) as n (kind)
    ) as k;
end;
$$;

comment on function inventory.movement_kinds() is
'All kinds of movements as rows, for use in joins: see inventory.movement_kind.';
