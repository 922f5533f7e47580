create or replace view report.audit as
select
    a.id as audit_id,
    a.subject,
    a.subject_id,
    a.action,
    a.before,
    a.after,
    a.product_id,
    p.sku_id,
    p.sku,
    a.actor,
    a.written_by,
    a.created_at
from store.audit as a
left join store.product_ever as p on a.product_id = p.id;

comment on view report.audit is
'What callers changed that is neither a movement (report.movements) nor a price (report.price_history): one row for each change,
never changed itself. It shows users'' names and suppliers'' addresses; of passwords, secrets and webhooks'' paths nothing.
That a product, supplier, brand or category was created, its own row says.';
comment on column report.audit.audit_id is 'Names the row; of one thing, later changes have higher ids.';
comment on column report.audit.subject is
'What was changed: block, inventory, product, user, supplier, brand, category, webhook, setting.';
comment on column report.audit.subject_id is 'The id of that thing; an inventory''s is its product''s; 1 for the settings.';
comment on column report.audit.action is 'create (users and webhooks), change, delete.';
comment on column report.audit.before is 'The fields that changed, as they were; null: it was created.';
comment on column report.audit.after is 'The same fields as they are since; null: it was deleted.';
comment on column report.audit.product_id is 'Integer id of the product that it is about; null: of none.';
comment on column report.audit.sku_id is 'The product''s UUID.';
comment on column report.audit.sku is 'The product''s code now, or its last one.';
comment on column report.audit.actor is 'A user''s name, anonymous, or a database role.';
comment on column report.audit.written_by is 'The database login that wrote it, where actor is who that acted for.';
comment on column report.audit.created_at is 'When it was changed.';

grant select on report.audit to inventory_reporting;
