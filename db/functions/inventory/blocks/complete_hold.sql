create or replace function inventory.complete_hold(p_owner text, p_now timestamptz, p_blocks store.block[])
returns store.block[]
language plpgsql
volatile
as $$
declare
    v_active constant store.block [] := array(
        select b from unnest(p_blocks) as b where inventory.is_active_block(b, p_now) order by b.id
    );
    v_block store.block;
begin
    for v_block in
        select b.* from unnest(p_blocks) as b where not inventory.is_active_block(b, p_now) order by b.id
    loop
        if
            not exists (
                select from unnest(v_active) as a where a.product_id = v_block.product_id and a.created_at >= v_block.expires_at
            )
        then
            perform inventory.raise_refusal(inventory.block_refusal(v_block.id, v_block, p_now));
        end if;
    end loop;
    if cardinality(v_active) = 0 then
        select * into v_block
        from store.block as b
        where b.owner = p_owner and not b.is_held
        order by b.id desc
        limit 1;
        if v_block.id is null then
            raise exception using
                errcode = 'IV004', -- BLOCK_NOT_FOUND
                message = format('There is no block of %s.', p_owner);
        end if;
        perform inventory.raise_refusal(inventory.block_refusal(v_block.id, v_block, 'infinity'));
    end if;
    perform inventory.settle_hold(array(select b from unnest(p_blocks) as b where not inventory.is_active_block(b, p_now)));
    return v_active;
end;
$$;

comment on function inventory.complete_hold(text, timestamptz, store.block[]) is
'The active ones of an owner''s blocks (inventory.lock_hold), oldest first, if nothing is missing: there is at least one, and for
each block that has expired there is one of the same product that was created since.

Errors: BLOCK_EXPIRED; if there is no block, that of the newest: BLOCK_EXPIRED, BLOCK_CONVERTED or BLOCK_CANCELLED, or
BLOCK_NOT_FOUND.';
