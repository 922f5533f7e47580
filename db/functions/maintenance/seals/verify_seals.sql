create or replace function maintenance.verify_seals(
    p_known jsonb default null,
    p_from bigint default null,
    p_to bigint default null
)
returns table (seal bigint, movement_id bigint, product_id bigint, number bigint, problem text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off -- also while the ledger is small: a plan that is kept must use the index of the feed
as $$
declare
    v_from constant bigint := greatest(p_from, 1);
    v_start constant timestamptz := inventory.ledger_start();
    v_seal store.seal;
    v_previous store.seal;
    v_leaves bytea;
    v_known jsonb := p_known;
    v_detached bigint;
begin
    if jsonb_typeof(p_known) = 'object' then
        v_known := p_known -> 'seals';
    end if;
    if
        p_known is not null
        and (
            jsonb_typeof(v_known) is distinct from 'array'
            or exists (
                select from jsonb_path_query(v_known, '$[*]') as k (seal)
                where (k.seal ->> 'number' ~ '^[0-9]{1,18}$' and k.seal ->> 'hash' ~* '^[0-9a-f]{64}$') is not true
            )
        )
    then
        raise exception using
            errcode = 'invalid_parameter_value',
            message = 'p_known must be seals as /api/v1/seals gives them: a list, or an object with the list "seals"',
            detail = jsonb_build_object('field', 'known', 'input', left(p_known::text, 200));
    end if;

    select * into v_previous from store.seal as s where s.number = v_from - 1;
    for v_seal in
        select s.*
        from store.seal as s
        where s.number >= v_from and (p_to is null or s.number <= p_to)
        order by s.number
    loop
        seal := v_seal.number;
        movement_id := null;
        product_id := null;
        number := null;
        if v_seal.hash is distinct from maintenance.seal_hash(v_seal) then
            problem := 'seal changed';
            return next;
        end if;
        if v_previous.number is distinct from v_seal.number - 1 then
            v_previous := null;
        end if;
        if v_seal.previous_hash is distinct from v_previous.hash then
            problem := 'chain broken';
            return next;
        end if;
        if v_seal.hour < v_start then
            v_detached := v_seal.number;
        end if;

        v_leaves := v_seal.leaves || ''::bytea; -- read once, not for each leaf
        return query
        select v_seal.number, coalesce(r.id, l.id), r.product_id, r.number, d.problem
        from (
            select
                ('x' || encode(substr(v_leaves, i.n * 24 + 1, 8), 'hex'))::bit(64)::bigint as id,
                substr(v_leaves, i.n * 24 + 1, 24) as leaf
            from generate_series(0, length(v_leaves) / 24 - 1) as i (n)
        ) as l
        full join (
            select m.id, m.product_id, m.number, maintenance.movement_leaf(m) as leaf
            from store.movement as m
            where
                m.feed_key > 0
                and (m.feed_key, m.id) > (
                    coalesce(v_previous.last_key, case v_seal.number when 1 then 0 else v_seal.first_key end),
                    coalesce(v_previous.last_id, v_seal.first_id - 1)
                )
                and (m.feed_key, m.id) <= (v_seal.last_key, v_seal.last_id)
        ) as r on l.id = r.id
        cross join lateral (
            select
                case
                    when l.id is null then 'slipped in'
                    when r.id is null then 'removed'
                    else 'changed'
                end as problem
        ) as d
        where l.leaf is distinct from r.leaf and not (d.problem = 'removed' and v_seal.hour < v_start)
        order by 2, 3;
        v_previous := v_seal;
    end loop;

    if v_detached is not null then
        seal := v_detached;
        problem := 'detached';
        return next;
    end if;

    -- A row that pretends to be older than the feed is in no range of it.
    return query
    select
        (
            select s.number from store.seal as s
            where s.hour <= m.created_at
            order by s.hour desc, s.part desc
            limit 1
        ),
        m.id,
        m.product_id,
        m.number,
        'slipped in'
    from store.movement as m
    where
        m.feed_key = 0
        and m.created_at >= (
            select max(s.hour) + interval '1 hour' from store.seal as s where s.number = 1 or s.number = v_from - 1
        )
        and m.created_at < v_previous.hour + interval '1 hour'
    order by 2;

    return query
    select (k.seal ->> 'number')::bigint, null::bigint, null::bigint, null::bigint, 'differs from the copy'
    from jsonb_path_query(v_known, '$[*]') as k (seal)
    left join store.seal as s on (k.seal ->> 'number')::bigint = s.number
    where
        (k.seal ->> 'number')::bigint >= v_from
        and (p_to is null or (k.seal ->> 'number')::bigint <= p_to)
        and lower(k.seal ->> 'hash') is distinct from encode(s.hash, 'hex')
    order by 1;
end;
$$;

comment on function maintenance.verify_seals(jsonb, bigint, bigint) is
'Compare the ledger with its seals, and return each difference; no row is good. p_from, p_to: only the seals with these numbers.

problem: changed, removed or slipped in (a movement that differs from its seal, is gone, or lies where seals have none); seal
changed (the hash does not follow from the seal), chain broken (it does not continue the seal before it); differs from the copy.
detached is no damage: the movements of the seals up to this one are in months that maintenance.detach_movements() has taken out,
and those that are not there were not compared. p_known: seals that were kept elsewhere, as /api/v1/seals gives them. Only they
show that somebody sealed the whole ledger anew, or removed the last seals. A movement that has another feed_key is removed and
slips in. Errors: 22023.';

grant execute on function maintenance.verify_seals(jsonb, bigint, bigint) to inventory_maintenance;
