create or replace function http.list_seals(
    p_after bigint default 0,
    p_limit inventory.page_limit default 100
)
returns json
language plpgsql
stable
cost 10000
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_last bigint;
    v_seals json;
begin
    select max(s.number), json_agg(s.item order by s.number) into v_last, v_seals
    from (
        select j.number, j.item
        from http.seal_json as j
        where j.number > coalesce(p_after, 0)
        order by j.number
        limit coalesce(p_limit, 100)
    ) as s;
    return json_build_object('seals', coalesce(v_seals, '[]'), 'next', coalesce(v_last, p_after, 0));
end;
$$;

comment on function http.list_seals(bigint, inventory.page_limit) is
'List the seals of the ledger, oldest first: keep them elsewhere.

after: the number of the last seal that was read, or next of the last answer (default 0). limit: 1 to 1000 (default 100). A seal
stands for the movements of the change feed from the cursor first to the cursor last, which were written in one hour, or before it
by a transaction that ended later. hash covers them and the hash of the seal before, which is previous; both are SHA-256 in
hexadecimal. maintenance.verify_seals compares the ledger with the seals, and these with the copy.

Returns {"seals": ["seal_json"], "next": "integer"}';

grant execute on function http.list_seals(bigint, inventory.page_limit) to inventory_integration;
