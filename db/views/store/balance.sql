create or replace view store.balance as
select
    s.product_id,
    (case when s.is_kit then s.reserved + e.kits[1] + e.kits[2] else s.on_hand end)::numeric(12, 3) as on_hand,
    s.reserved,
    case when s.is_kit then e.kits[1] else s.blocked - e.quantity end as blocked,
    case when s.is_kit then e.kits[2] else s.on_hand - s.reserved - s.blocked + e.quantity end as available,
    s.status,
    s.unit_id,
    s.reorder_point,
    s.created_at,
    s.updated_at,
    s.last_number + e.number
    + case when s.is_kit then inventory.kit_number(s.product_id, inventory.clock()) else 0 end as number,
    s.is_kit,
    s.is_low and not s.is_kit as is_low
from store.stock as s
cross join lateral (
    select
        coalesce(sum(b.quantity), 0) as quantity,
        count(*) as number,
        case when s.is_kit then inventory.kit_balances(s.product_id) end as kits
    from store.block as b
    where s.blocked > 0 and b.product_id = s.product_id and inventory.is_expired_block(b, inventory.clock())
) as e;

comment on view store.balance is
'The current balances of each product with an inventory. Expired blocks hold nothing, even if no job has ended them yet: their
units are not part of blocked, and are available. number: that of the last movement; each of these blocks counts as one
(inventory.number_at). A kit has as many available as its parts allow, and on hand the promised ones besides.';
