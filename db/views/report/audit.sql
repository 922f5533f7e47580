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
'Changes that callers made to anything except stock (report.movements). There is one row for each change; rows never change. It
shows the names of users and the addresses of suppliers, but no passwords, secrets or paths of webhooks. The creation of a
supplier, brand or category has no row here: the row of the created thing shows it.';
comment on column report.audit.audit_id is 'Integer id of the change; later changes of the same thing have higher ids.';
comment on column report.audit.subject is
'The kind of thing that was changed: block, inventory, product, price, user, supplier, brand, category, webhook or setting;
repair: a row that maintenance.repair() set back.';
comment on column report.audit.subject_id is
'The id of the changed thing; for an inventory, the id of its product; for a price, its type; 1 for the settings; for a repair,
the name of the table.';
comment on column report.audit.action is 'create, change or delete.';
comment on column report.audit.before is
'The changed fields with their old values; null: the thing was created. For a repair, the whole row under the name of its table.';
comment on column report.audit.after is
'The same fields with their new values; null: the thing was deleted. For a repair, the whole row, and the cause.';
comment on column report.audit.product_id is 'Integer id of the product that the change concerns; null: none.';
comment on column report.audit.sku_id is 'The product''s UUID.';
comment on column report.audit.sku is 'The product''s current code, or the last one of a deleted product.';
comment on column report.audit.actor is 'Who made the change: a user''s name, anonymous, or a database role.';
comment on column report.audit.written_by is 'The database login that wrote the row on behalf of actor.';
comment on column report.audit.created_at is 'When the change was made.';

grant select on report.audit to inventory_reporting;
