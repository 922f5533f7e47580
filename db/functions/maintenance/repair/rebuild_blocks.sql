create or replace function maintenance.rebuild_blocks(p_product_id bigint)
returns table (table_name text, found jsonb, wanted jsonb, problem text)
language plpgsql
stable
as $$
declare
    v_now constant timestamptz := inventory.clock();
    v_duration constant interval := (select s.block_duration from store.setting as s);
    v_start constant timestamptz := inventory.ledger_start();
begin
    return query
    with told as (
        select
            t.reference,
            case when t.reference ~ '^[0-9a-f-]{36}$' then t.reference::uuid end as id,
            count(*) filter (where t.kind = 'block') as beginnings,
            count(*) filter (where t.kind <> 'block') as ends,
            (array_agg(t) filter (where t.kind = 'block'))[1] as began,
            (array_agg(t) filter (where t.kind <> 'block'))[1] as ended
        from store.movement as t
        where t.product_id = p_product_id and t.kind in ('block', 'convert', 'kit_convert', 'cancel', 'expire')
        group by t.reference
    ),

    wanted as (
        select
            t.*,
            b.id is not null as is_there,
            b.created_at,
            to_jsonb(b) as found,
            coalesce(
                (t.began).blocked_after - (t.began).blocked_before, (t.ended).blocked_before - (t.ended).blocked_after
            ) as quantity,
            case (t.ended).kind
                when 'convert' then 'converted'
                when 'kit_convert' then 'converted'
                when 'cancel' then 'cancelled'
                when 'expire' then 'expired'
                else 'active'
            end as status,
            case (t.ended).kind
                when 'convert' then (t.ended).on_hand_before - (t.ended).on_hand_after
                -- The movement of a kit does not say how many left: the record does, or all of them did.
                when 'kit_convert'
                    then coalesce(b.converted_quantity, b.quantity, (t.began).blocked_after - (t.began).blocked_before)
            end as converted_quantity,
            case when (t.ended).kind = 'expire' then (t.ended).occurred_at else (t.ended).created_at end as ended_at
        from told as t
        left join store.block as b on t.id = b.id and b.product_id = p_product_id
    )

    select
        'block',
        w.found,
        -- The ledger does not say when a block was to expire, and for whom. An active block that is lost gets the default
        -- duration from now on, and no owner.
        coalesce(
            w.found,
            jsonb_build_object(
                'id', w.id, 'product_id', p_product_id, 'reason', (w.began).reason, 'created_at', (w.began).created_at,
                'created_by', (w.began).actor, 'expires_at',
                case (w.ended).kind
                    when 'expire' then w.ended_at
                    else case when w.ended_at is null then v_now else (w.began).created_at end + v_duration
                end
            )
        ) || jsonb_build_object(
            'quantity', w.quantity, 'status', w.status, 'converted_quantity', w.converted_quantity, 'ended_at', w.ended_at,
            'ended_reason', (w.ended).reason, 'ended_by', case when (w.ended).kind <> 'expire' then (w.ended).actor end,
            'is_held', w.is_there and (w.found ->> 'is_held')::boolean and w.status in ('active', 'expired')
        ),
        case
            when w.id is null then 'A movement of a block has lost the id of its block.'
            when w.ends > 1 or w.beginnings > 1 or (w.beginnings = 0 and (w.created_at < v_start) is not true) then
                format('The ledger has %s beginnings and %s ends of block %s.', w.beginnings, w.ends, w.id)
        end
    from wanted as w
    where
        w.id is null
        or w.ends > 1
        or w.beginnings > 1
        or (w.beginnings = 0 and (w.created_at < v_start) is not true)
        or not w.is_there
        or ((w.found ->> 'quantity')::numeric, w.found ->> 'status', (w.found ->> 'converted_quantity')::numeric)
        is distinct from (w.quantity, w.status, w.converted_quantity)
    union all
    select
        'block', to_jsonb(b),
        to_jsonb(b)
        || jsonb_build_object('status', 'cancelled', 'ended_at', v_now, 'ended_by', session_user, 'is_held', false),
        null
    from store.block as b
    where
        b.product_id = p_product_id
        and b.status = 'active'
        and b.created_at >= v_start
        and not exists (select from told as t where t.id = b.id)
    union all
    -- Blocks that began before the ledger does can only be compared with the sum.
    select
        'block', null, null,
        format('The blocks that began before the ledger does hold %s units, and the ledger says %s.', o.held, l.blocked - w.held)
    from (
        select coalesce(sum(b.quantity), 0) as held
        from store.block as b
        where
            b.product_id = p_product_id
            and b.status = 'active'
            and b.created_at < v_start
            and not exists (select from told as t where t.id = b.id)
    ) as o
    cross join (select coalesce(sum(w.quantity) filter (where w.status = 'active'), 0) as held from wanted as w) as w
    cross join lateral (
        select t.blocked
        from (
            select m.number, m.blocked_after as blocked from store.movement as m where m.product_id = p_product_id
            union all
            select b.number, b.blocked from store.opening_balance as b where b.product_id = p_product_id
        ) as t
        order by t.number desc
        limit 1
    ) as l
    where v_start > '-infinity' and o.held <> l.blocked - w.held;
end;
$$;

comment on function maintenance.rebuild_blocks(bigint) is
'What repairs the differences that maintenance.verify_blocks() finds: each block is what the ledger says of its beginning and its
end. A block that the ledger does not know is cancelled. Returns rows as maintenance.plan_of() does.';
