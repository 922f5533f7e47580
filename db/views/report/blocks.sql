create or replace view report.blocks as
select
    b.id as block_id,
    b.product_id,
    p.sku_id,
    p.sku,
    b.quantity,
    b.reason,
    case when b.status = 'active' and b.expires_at <= report.instant() then 'expired' else b.status end as status,
    b.expires_at,
    b.created_at,
    b.created_by,
    case when b.status = 'active' and b.expires_at <= report.instant() then b.expires_at else b.ended_at end as ended_at,
    b.ended_reason,
    b.ended_by,
    b.converted_quantity,
    b.owner,
    b.kit_block_id
from store.block as b
inner join store.product as p on b.product_id = p.id;

comment on view report.blocks is
'Every temporary block with its current status. From expires_at on, a block is shown as expired, even if no job has ended it
yet.';
comment on column report.blocks.block_id is 'Time-ordered UUID.';
comment on column report.blocks.product_id is 'Integer id of the product.';
comment on column report.blocks.sku_id is 'The product''s UUID.';
comment on column report.blocks.sku is 'The product''s code.';
comment on column report.blocks.quantity is 'Units that the block holds or held.';
comment on column report.blocks.reason is 'The reason that its creator gave.';
comment on column report.blocks.status is 'active, converted, cancelled or expired.';
comment on column report.blocks.expires_at is 'When the block expires, or would have expired.';
comment on column report.blocks.created_at is 'When the block was created.';
comment on column report.blocks.created_by is 'Who created the block.';
comment on column report.blocks.ended_at is 'When the block ended; null while it is active.';
comment on column report.blocks.ended_reason is 'The reason that was given for converting or cancelling the block.';
comment on column report.blocks.ended_by is 'Who converted or cancelled the block; null if it expired.';
comment on column report.blocks.converted_quantity is
'Units that left when the block was converted; the others became available again. Null unless converted.';
comment on column report.blocks.owner is 'The cart or order that it is held for; null if its creator named none.';
comment on column report.blocks.kit_block_id is 'The block of the kit whose part this block holds; null: a block of its own.';

grant select on report.blocks to inventory_reporting;
