create or replace function inventory.post_line(p_line inventory.posting)
returns inventory.posted
language plpgsql
volatile
as $$
declare
    v_posted constant inventory.posted := (inventory.post(array[p_line]))[1];
begin
    if v_posted.sqlstate is not null then
        perform inventory.raise_refusal(v_posted);
    end if;
    return v_posted;
end;
$$;

comment on function inventory.post_line(inventory.posting) is
'Post one line. If inventory.post refuses it, the refusal becomes an error.';
