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
'The delay before the next try after try number p_tries failed; null after the last try.

It is the schedule of Standard Webhooks, which lasts just over three days, with a jitter of 20 % in both directions.';
