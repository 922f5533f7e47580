create or replace view store.balance as
select
    s.product_id,
    s.on_hand,
    s.reserved,
    s.blocked - e.quantity as blocked,
    s.on_hand - s.reserved - s.blocked + e.quantity as available,
    s.status,
    s.unit_id,
    s.reorder_point,
    s.created_at,
    s.updated_at,
    s.last_number + e.number as number
from store.stock as s
cross join lateral (
    select
        coalesce(sum(b.quantity), 0) as quantity,
        count(*) as number
    from store.block as b
    where s.blocked > 0 and b.product_id = s.product_id and inventory.is_expired_block(b, inventory.clock())
) as e;

comment on view store.balance is
'The current balances of each product with an inventory. Expired blocks hold nothing, even if no job has ended them yet: their
units are not part of blocked, and are available. number: that of the last movement; each of these blocks counts as one
(inventory.number_at).';
