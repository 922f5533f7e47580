create or replace view store.change as
select
    m.feed_key,
    m.id as feed_id,
    'movement' as type,
    m.product_id,
    m.actor,
    m.occurred_at,
    m.created_at,
    json_build_object(
        'id', m.id,
        'number', m.number,
        'kind', m.kind,
        'on_hand_before', trim_scale(m.on_hand_before),
        'on_hand_after', trim_scale(m.on_hand_after),
        'reserved_before', trim_scale(m.reserved_before),
        'reserved_after', trim_scale(m.reserved_after),
        'blocked_before', trim_scale(m.blocked_before),
        'blocked_after', trim_scale(m.blocked_after),
        'available_before', trim_scale(greatest(m.on_hand_before - m.reserved_before - m.blocked_before, 0)),
        'available_after', trim_scale(greatest(m.on_hand_after - m.reserved_after - m.blocked_after, 0)),
        'reference', m.reference,
        'reason', m.reason
    ) as data
from store.movement as m
union all
select
    a.feed_key,
    a.feed_id,
    a.subject,
    a.product_id,
    a.actor,
    a.created_at as occurred_at,
    a.created_at,
    json_build_object('action', a.action, 'id', a.subject_id, 'before', a.before, 'after', a.after) as data
from store.audit as a;

comment on view store.change is
'The change feed: movements, and the changes of products, inventories, prices and ends of blocks, with their position. A kit''s
own movements have on hand 0 and so none available: how many kits are available follows from their parts.

A query adds feed_key > 0: rows with 0 are not in the feed. With that condition in the view, PostgreSQL would not read in the
order of the indexes: each page would sort the rest of the feed.';
