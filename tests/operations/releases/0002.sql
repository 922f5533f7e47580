-- As the release of migration 0002 could have written it: products, stock, blocks, prices, users, idempotency keys.

update store.setting set block_duration = '20 minutes', password_cost = 4;
update store.job
set last_started_at = now() - interval '1 day', last_finished_at = now() - interval '1 day', last_count = 7;

select pg_temp.product('MUG', 1.5), pg_temp.product('JAR'), pg_temp.product('EMPTY');

-- 10 at 1.500 and 5.5 of unknown cost; 4 reserved, of which 2 are consumed and 1 is released.
select pg_temp.move('MUG', 'initial', 10, p_unit_cost => 1.5, p_at => now() - interval '9 days');
select pg_temp.move('MUG', 'add', 5.5, p_at => now() - interval '8 days');
select pg_temp.move('MUG', 'reserve', 0, 4, p_at => now() - interval '7 days');
select pg_temp.move('MUG', 'consume', -2, -2, p_at => now() - interval '6 days');
select pg_temp.move('MUG', 'release', 0, -1, p_at => now() - interval '5 days');
-- Taken to the last unit over two layers, and filled again.
select pg_temp.move('JAR', 'initial', 0.333, p_unit_cost => 0.005, p_at => now() - interval '9 days');
select pg_temp.move('JAR', 'add', 3, p_unit_cost => 1, p_at => now() - interval '8 days');
select pg_temp.move('JAR', 'reserve', 0, 3.333, p_at => now() - interval '7 days');
select pg_temp.move('JAR', 'consume', -3.333, -3.333, p_at => now() - interval '6 days');
select pg_temp.move('JAR', 'add', 7, p_unit_cost => 2, p_at => now() - interval '5 days');

-- A block of each kind. The first holds, the second is over and nobody has ended it yet.
insert into store.block (
    id, product_id, quantity, reason, status, expires_at, created_at, created_by, ended_at, ended_by, converted_quantity
)
select
    v.id::uuid, pg_temp.id_of('MUG'), v.quantity, v.reason, v.status, now() + v.expires, now() - interval '2 days', 'somebody',
    now() + v.ended, case when v.ended is not null then 'somebody' end, v.converted
from (
    values
        ('00000000-0000-7000-8000-000000000001', 2, 'cart', 'active', interval '1 day', null::interval, null::numeric),
        ('00000000-0000-7000-8000-000000000002', 1, null, 'active', interval '-1 hour', null, null),
        ('00000000-0000-7000-8000-000000000003', 2, 'cart', 'converted', interval '-1 hour', interval '-1 day', 1.5),
        ('00000000-0000-7000-8000-000000000004', 1, 'cart', 'cancelled', interval '-1 hour', interval '-1 day', null),
        ('00000000-0000-7000-8000-000000000005', 1, 'cart', 'expired', interval '-1 day', interval '-1 day', null)
) as v (id, quantity, reason, status, expires, ended, converted);
select pg_temp.move('MUG', 'block', p_blocked => b.quantity, p_reference => b.id::text, p_at => b.created_at)
from store.block as b
order by b.id;
select pg_temp.move(
    'MUG', k.kind, -coalesce(b.converted_quantity, 0), p_blocked => -b.quantity, p_reference => b.id::text, p_at => b.ended_at
)
from store.block as b
inner join (values ('converted', 'convert'), ('cancelled', 'cancel'), ('expired', 'expire')) as k (status, kind)
    on b.status = k.status
order by b.id;

-- A price that is over, the one that holds, one that is scheduled; a promotion for now; a wholesale price to come.
insert into store.price (product_id, price_type, amount, effective_from, effective_to, created_at, updated_at)
select pg_temp.id_of(v.sku), v.price_type, v.amount, now() + v.since, now() + v.until, now(), now()
from (
    values
        ('MUG', 'retail', 3, interval '-9 days', interval '-5 days'),
        ('MUG', 'retail', 3.5, interval '-5 days', interval '5 days'),
        ('MUG', 'retail', 4.125, interval '5 days', null::interval),
        ('MUG', 'promo', 2, interval '-1 day', interval '1 day'),
        ('JAR', 'wholesale', 1, interval '1 day', null),
        ('EMPTY', 'retail', 9, interval '-2 days', null),
        ('EMPTY', 'retail', 8, interval '-2 days', null),
        ('JAR', 'retail', 7, interval '-2 days', interval '-1 day')
) as v (sku, price_type, amount, since, until);

insert into store.user_account (
    username, password_hash, role, is_active, token_version, created_at, updated_at
)
select
    v.username, extensions.crypt(encode(sha384(convert_to(v.password, 'UTF8')), 'base64'), extensions.gen_salt('bf', 4)),
    v.role, v.is_active, v.version, now() - interval '9 days', now()
from (
    values ('Root', 'the old password', 'admin', true, 3), ('gone', 'the old password', 'employee', false, 1)
) as v (username, password, role, is_active, version);

insert into store.idempotency_key (caller, key, request, result, error, created_at)
values
    ('inventory_operator anonymous', 'done', 'a hash', '{"id": 1}', null, now() - interval '1 hour'),
    (
        'inventory_operator anonymous', 'refused', 'a hash', null,
        '{"sqlstate": "IV001", "message": "Only 1 available.", "detail": null, "hint": null, "constraint": null}',
        now() - interval '1 hour'
    ),
    ('inventory_operator anonymous', 'old', 'a hash', '{"id": 2}', null, now() - interval '3 days');
