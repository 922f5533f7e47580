create or replace function inventory.retry_delay(p_tries integer)
returns interval
language plpgsql
volatile
as $$
begin
    return (0.8 + 0.4 * random()) * (
        array[
            interval '5 seconds', interval '5 minutes', interval '30 minutes', interval '2 hours', interval '5 hours',
            interval '10 hours', interval '14 hours', interval '20 hours', interval '24 hours'
        ]
    )[p_tries];
end;
$$;

comment on function inventory.retry_delay(integer) is
'How long after its p_tries-th try a delivery is tried again: the schedule of Standard Webhooks, just over three days long, with
20 % of jitter either way; null after the last one.';
