create or replace function inventory.lock_hold(p_owner text, p_product_ids bigint[] default '{}')
returns store.block[]
language plpgsql
volatile
as $$
declare
    v_product_ids bigint [];
    v_blocks store.block [];
begin
    perform inventory.require_argument('owner', p_owner is null);
    perform pg_advisory_xact_lock(hashtextextended(concat('hold ', p_owner), 0));
    v_product_ids := p_product_ids || array(
        select b.product_id from store.block as b where b.owner = p_owner and b.is_held
    );
    perform inventory.lock_with_parts(v_product_ids);
    -- A separate statement, so that it sees what the previous holders of the locks did.
    v_blocks := array(
        select b from store.block as b where b.owner = p_owner and b.is_held order by b.id
    );
    if exists (select from unnest(v_blocks) as b where b.product_id <> all(v_product_ids)) then
        -- A block of another product was made meanwhile. Locking that product now would break the order of locks.
        raise exception using
            errcode = 'serialization_failure',
            message = format('What %s holds changed meanwhile.', p_owner);
    end if;
    return v_blocks;
end;
$$;

comment on function inventory.lock_hold(text, bigint[]) is
'Lock what an owner holds, and return its blocks, oldest first: also those that have expired, until a call for the owner takes
note of it.

Locks the owner, so that calls for one owner take turns. Then locks the stock rows of its blocks'' products and of p_product_ids,
in order of id. A call that creates or ends a single block does not lock the owner. Errors: 40001 if one created a block of
another product meanwhile.';
