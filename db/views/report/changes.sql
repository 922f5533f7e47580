create or replace view report.changes as
select
    c.feed_key,
    c.feed_id,
    c.feed_key || '-' || c.feed_id as cursor,
    c.type,
    c.product_id,
    p.sku_id,
    p.sku,
    c.data,
    c.actor,
    c.occurred_at,
    c.created_at
from store.change as c
left join store.product_ever as p on c.product_id = p.id
where
    c.feed_key > 0
    and c.feed_key < (
        select s.feed_base + pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        from store.setting as s
    );

comment on view report.changes is
'The change feed. Read it in the order of (feed_key, feed_id), and go on after the last pair that was read: nothing that commits
later has a place before it. Changes of before the release that brought the feed are not in it.';
comment on column report.changes.feed_key is 'The first part of the position.';
comment on column report.changes.feed_id is 'The second part of the position.';
comment on column report.changes.cursor is 'Both parts as text, as GET /api/v1/changes/ takes them.';
comment on column report.changes.type is
'movement, product, inventory (status or reorder point), price (the active price) or block (its end was moved).';
comment on column report.changes.product_id is 'Integer id of the product.';
comment on column report.changes.sku_id is 'The product''s UUID.';
comment on column report.changes.sku is 'The product''s current code, or the last one of a deleted product.';
comment on column report.changes.data is
'For a movement, its id, number, kind, the balances before and after, reference and reason; otherwise action (create, change or
delete), id, and the changed fields before and after.';
comment on column report.changes.actor is 'Who made the change: a user''s name, anonymous, expiry, or a database role.';
comment on column report.changes.occurred_at is 'When it happened; for an expiry, the instant at which the block expired.';
comment on column report.changes.created_at is 'When it was written.';

grant select on report.changes to inventory_reporting;
