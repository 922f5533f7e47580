create or replace function inventory.lock_with_parts(p_product_ids bigint[])
returns void
language plpgsql
volatile
as $$
declare
    v_locked constant bigint [] := array(
        select s.product_id
        from store.stock as s
        where
            s.product_id = any(
                p_product_ids || array(select k.part_id from store.kit_part as k where k.kit_id = any(p_product_ids))
            )
        order by s.product_id
        for no key update
    );
begin
    -- A statement of its own, so that it sees what the previous holder of a lock changed.
    if exists (select from store.kit_part as k where k.kit_id = any(p_product_ids) and k.part_id <> all(v_locked)) then
        raise exception using
            errcode = 'serialization_failure',
            message = 'The parts of a kit changed meanwhile.';
    end if;
end;
$$;

comment on function inventory.lock_with_parts(bigint[]) is
'Lock the stock rows of products, and those of the parts of the kits among them, in order of id, until the end of the transaction.

Errors: 40001 if a kit got another part while this call waited: try again.';
