create or replace view http.user_json as
select
    r.id,
    row_to_json(r) as item
from (
    select
        u.id,
        u.username,
        u.role,
        u.is_active,
        inventory.instant_text(u.created_at) as created_at,
        inventory.instant_text(u.updated_at) as updated_at
    from store.user_account as u
) as r;

comment on view http.user_json is
'A user as /api/v1/users/ shows it, without the hash of the password.

Returns {"id": "integer", "username": "username", "role": "user_role", "is_active": "boolean", "created_at": "timestamp",
"updated_at": "timestamp"}';
