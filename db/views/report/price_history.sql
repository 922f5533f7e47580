create or replace view report.price_history as
select
    r.product_id,
    p.sku_id,
    p.sku,
    p.name,
    r.id as price_id,
    r.price_type,
    r.amount,
    r.effective_from,
    r.effective_to,
    case
        when r.effective_to = r.effective_from then 'replaced'
        when r.effective_to <= report.instant() then 'ended'
        when r.effective_from > report.instant() then 'scheduled'
        when exists (
            select from store.price as n
            where
                n.product_id = r.product_id
                and n.price_type = r.price_type
                and n.effective_from <= report.instant()
                and (n.effective_to is null or n.effective_to > report.instant())
                and (n.effective_from, n.id) > (r.effective_from, r.id)
        ) then 'overridden'
        else 'active'
    end as status,
    r.created_at,
    r.updated_at
from store.price as r
inner join store.product_ever as p on r.product_id = p.id;

comment on view report.price_history is
'All price rules, past and scheduled ones included, with their current status.';
comment on column report.price_history.product_id is 'Integer id of the product.';
comment on column report.price_history.sku_id is 'The product''s UUID.';
comment on column report.price_history.sku is 'The product''s code.';
comment on column report.price_history.name is 'The product''s name.';
comment on column report.price_history.price_id is 'Integer id of the rule.';
comment on column report.price_history.price_type is 'retail, promo or wholesale.';
comment on column report.price_history.amount is 'Money for each unit.';
comment on column report.price_history.effective_from is 'When the rule begins.';
comment on column report.price_history.effective_to is 'When the rule ends, exclusive; null: never.';
comment on column report.price_history.status is
'active: it is the current price. overridden: it is in force, but so is a rule that began later. scheduled: it begins in the
future.
ended: its period is over. replaced: another rule ended it at the instant at which it began.';
comment on column report.price_history.created_at is 'When the rule was created.';
comment on column report.price_history.updated_at is 'When the end of the rule was last set.';

grant select on report.price_history to inventory_reporting;
