create or replace function maintenance.movement_leaf(p_movement store.movement)
returns bytea
language plpgsql
stable
parallel safe
as $$
begin
    return int8send(p_movement.id)
        || substr(
            sha256(
                convert_to(
                    json_build_array(
                        p_movement.id::text,
                        p_movement.feed_key::text,
                        p_movement.product_id::text,
                        p_movement.number::text,
                        p_movement.kind,
                        p_movement.on_hand_before::text,
                        p_movement.on_hand_after::text,
                        p_movement.reserved_before::text,
                        p_movement.reserved_after::text,
                        p_movement.blocked_before::text,
                        p_movement.blocked_after::text,
                        p_movement.cost::text,
                        p_movement.average_quantity::text,
                        p_movement.average_value::text,
                        p_movement.reference,
                        p_movement.reason,
                        p_movement.actor,
                        p_movement.written_by,
                        trim_scale(extract(epoch from p_movement.occurred_at) * 1000000)::text,
                        trim_scale(extract(epoch from p_movement.created_at) * 1000000)::text
                    )::text,
                    'UTF8'
                )
            ),
            1,
            16
        );
end;
$$;

comment on function maintenance.movement_leaf(store.movement) is
'What a seal keeps of a movement: its id as 8 bytes, the highest first, and the first 16 bytes of the SHA-256 of its text.

The text is a JSON array of strings or null, in UTF-8, with a comma and a space between the values: id, feed_key, product_id,
number, kind, on_hand before and after, reserved before and after, blocked before and after, cost, average_quantity,
average_value, reference, reason, actor, written_by, occurred_at, created_at. Quantities and money have their three decimals;
times are microseconds since 1970 (UTC). In Python it is json.dumps(values, ensure_ascii=False). No setting of a session changes
it. A release that changes it would break the seals that are there.';
