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
'End up to p_limit expired blocks of a product, in order of expiry, and return how many were ended.

Locks the product''s stock row. Queues the event block.expired for each block.';
