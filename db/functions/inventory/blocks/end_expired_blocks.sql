create or replace function inventory.end_expired_blocks(p_product_id bigint, p_limit integer)
returns integer
language plpgsql
volatile
as $$
begin
    return coalesce((inventory.post_line(inventory.line('expire', p_product_id, p_limit))).ended, 0);
end;
$$;

comment on function inventory.end_expired_blocks(bigint, integer) is
'End up to p_limit blocks of the product that have expired, oldest end first, and return how many.

Locks the product''s stock row. Queues block.expired for each.';
