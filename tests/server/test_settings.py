"""Settings: the two env files, and what a production server refuses to start with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import db.settings
import environment as module
from environment import DEVELOPMENT_PASSWORD, ROOT, env_file
from server.settings import DEVELOPMENT_SECRET_KEY, Settings, SettingsError, load
from tests.conftest import SECRET_KEY, Database, Server

Monkeypatch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _environment(monkeypatch: Monkeypatch) -> None:
    """No setting comes from the environment of whoever runs the tests."""
    for name in (*Settings.model_fields, "env_file"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def use(monkeypatch: Monkeypatch, name: str, **environment: str) -> None:
    """Load settings from this env file and environment."""
    monkeypatch.setenv("ENV_FILE", str(ROOT / name))
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)


# The env files


def test_env_dev_loads_as_it_is(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.dev")
    settings = load()
    assert not settings.is_production
    assert settings.anonymous_role == "inventory_operator"
    assert (settings.admin_username, settings.admin_password) == ("admin", "admin")
    assert (settings.access_token_seconds, settings.refresh_token_seconds) == (300, 86400)
    assert settings.database_url is None


def test_what_env_dev_says_is_what_production_refuses(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.dev")
    settings = load()
    assert settings.secret_key == DEVELOPMENT_SECRET_KEY
    assert settings.database_role_password == DEVELOPMENT_PASSWORD


SECRETS = {"SECRET_KEY": SECRET_KEY, "DATABASE_ROLE_PASSWORD": "a password of one's own"}


def test_env_prod_starts_with_its_secrets(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.prod", **SECRETS)
    settings = load()
    assert settings.is_production
    assert settings.anonymous_role == "inventory_public"
    assert settings.admin_username is None
    assert not settings.demo
    assert settings.database_url is not None
    assert "py-inventory-mgmtpostgresql:5432/postgres" in settings.database_url


@pytest.mark.parametrize("missing", SECRETS)
def test_env_prod_refuses_to_start_without_a_secret(monkeypatch: Monkeypatch, missing: str) -> None:
    use(monkeypatch, ".env.prod", **{name: value for name, value in SECRETS.items() if name != missing})
    with pytest.raises(SettingsError, match=missing):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", DEVELOPMENT_SECRET_KEY),
        ("SECRET_KEY", "x" * 31),
        ("DATABASE_ROLE_PASSWORD", ""),
        ("DATABASE_ROLE_PASSWORD", DEVELOPMENT_PASSWORD),
    ],
)
def test_production_refuses_what_everyone_can_read(monkeypatch: Monkeypatch, name: str, value: str) -> None:
    use(monkeypatch, ".env.prod", **SECRETS | {name: value})
    with pytest.raises(SettingsError, match=name):
        load()


def test_a_cluster_of_ones_own_needs_no_password(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.prod", SECRET_KEY=SECRET_KEY, DATABASE_URL="")
    assert load().database_role_password is None


@pytest.mark.parametrize("username", ["admin", "Admin", "ADMIN"])
def test_production_refuses_the_development_admin(monkeypatch: Monkeypatch, username: str) -> None:
    use(monkeypatch, ".env.prod", **SECRETS, ADMIN_USERNAME=username, ADMIN_PASSWORD="admin")
    with pytest.raises(SettingsError, match="ADMIN_PASSWORD"):
        load()


def test_production_takes_an_admin_of_its_own(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.prod", **SECRETS, ADMIN_USERNAME="admin", ADMIN_PASSWORD="a strong password")
    assert load().admin_password == "a strong password"


def test_development_needs_a_secret_key_too(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.dev", SECRET_KEY="")
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        load()


def test_no_setting_at_all_is_production(monkeypatch: Monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "empty"))
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    settings = load()
    assert settings.is_production
    assert settings.anonymous_role == "inventory_public"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANONYMOUS_ROLE", "inventory_admin"),
        ("ANONYMOUS_ROLE", "inventory_employee"),
        ("ANONYMOUS_ROLE", "postgres"),
        ("ANONYMOUS_ROLE", ""),
        ("ENVIRONMENT", "staging"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("ACCESS_TOKEN_SECONDS", "0"),
        ("POOL_SIZE", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("WEBHOOK_PROXY", "proxy:4750"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name(monkeypatch: Monkeypatch, name: str, value: str) -> None:
    use(monkeypatch, ".env.dev", **{name: value})
    with pytest.raises(SettingsError, match=name.lower()):
        load()


def test_an_empty_proxy_is_none(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.dev", WEBHOOK_PROXY="")
    assert load().webhook_proxy is None


def test_the_environment_wins_over_the_file_and_the_file_names_what_it_likes(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("ENVIRONMENT=development\nSECRET_KEY=k\nPORT=1\nHOST=file\nUNKNOWN=x\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "file"))
    monkeypatch.setenv("PORT", "2")
    settings = load()
    assert (settings.host, settings.port) == ("file", 2)


def test_env_is_read_before_env_dev_and_env_file_before_both(monkeypatch: Monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    assert env_file() == tmp_path / ".env.dev"
    (tmp_path / ".env").touch()
    assert env_file() == tmp_path / ".env"
    (tmp_path / "other").touch()
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "other"))
    assert env_file() == tmp_path / "other"
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "missing"))
    with pytest.raises(ValueError, match="missing"):
        env_file()


# Secrets


@pytest.mark.parametrize(
    "url", ["postgresql://postgres@db/x", "postgresql://:word@db/x", "host=db user=inventory_admin"]
)
def test_a_production_server_knows_no_login_but_its_own(monkeypatch: Monkeypatch, url: str) -> None:
    use(monkeypatch, ".env.prod", **SECRETS | {"DATABASE_URL": url})
    with pytest.raises(SettingsError, match=r"DATABASE_URL names a (user|password).*MIGRATION_DATABASE_URL"):
        load()
    use(monkeypatch, ".env.dev", DATABASE_URL=url)
    assert load().database_url == url


def test_a_secret_may_be_a_file(monkeypatch: Monkeypatch, tmp_path: Path) -> None:
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(f"{secret}\n")
    use(monkeypatch, ".env.prod", **{f"{name}_FILE": str(tmp_path / name) for name in SECRETS})
    settings = load()
    assert (settings.secret_key, settings.database_role_password) == tuple(SECRETS.values())
    assert db.settings.load().database_role_password == SECRETS["DATABASE_ROLE_PASSWORD"]
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    with pytest.raises(SettingsError, match="SECRET_KEY and SECRET_KEY_FILE are both set"):
        load()
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="SECRET_KEY_FILE cannot be read"):
        load()


def test_no_error_of_a_setting_shows_a_secret(monkeypatch: Monkeypatch, tmp_path: Path) -> None:
    lines = "ENVIRONMENT=development\nSECRET_KEY=hunter1hunter1\nPOSTGRES_PASSWORD=hunter2hunter2\n"
    (tmp_path / "file").write_text(f"{lines}SECRET_KEY_PREVIOUS=hunter3hunter3\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "file"))
    for name, value in (("DATABASE_ROLE_PASSWORD_FILE", "/nonexistent"), ("PORT", "hunter4")):
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load()
        assert "hunter" not in str(caught.value)
        monkeypatch.delenv(name)


def test_the_environments_secret_wins_over_the_files_whether_it_is_a_file_or_not(
    monkeypatch: Monkeypatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("of a file")
    (tmp_path / "env").write_text("ENVIRONMENT=development\nSECRET_KEY=of the env file\n")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "env"))
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    assert load().secret_key == "of a file"
    (tmp_path / "env").write_text(f"ENVIRONMENT=development\nSECRET_KEY_FILE={tmp_path / 'missing'}\n")
    monkeypatch.delenv("SECRET_KEY_FILE")
    monkeypatch.setenv("SECRET_KEY", "of the environment")
    assert load().secret_key == "of the environment"


def test_production_gives_its_roles_no_password_that_everyone_can_read(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.dev", ENVIRONMENT="production")
    with pytest.raises(ValueError, match="DATABASE_ROLE_PASSWORD"):
        db.settings.load()
    use(monkeypatch, ".env.dev", ENVIRONMENT="development")
    assert db.settings.load().database_role_password == DEVELOPMENT_PASSWORD


def test_the_schema_is_applied_without_the_servers_secrets(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.prod", MIGRATION_DATABASE_URL="postgresql://postgres@db/x")
    assert db.settings.load().migration_database_url == "postgresql://postgres@db/x"
    with pytest.raises(SettingsError, match="SECRET_KEY is not set"):
        load()


def test_the_previous_key_is_as_long_as_a_key(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.prod", **SECRETS, SECRET_KEY_PREVIOUS="short")
    with pytest.raises(SettingsError, match="SECRET_KEY_PREVIOUS"):
        load()
    use(monkeypatch, ".env.prod", **SECRETS, SECRET_KEY_PREVIOUS="p" * 32)
    assert load().secret_keys == (SECRET_KEY, "p" * 32)


# Rate limits


def limits_of(settings: Settings) -> tuple[str, str, str]:
    return settings.rate_limit_authentication, settings.rate_limit_read, settings.rate_limit_write


def test_env_prod_has_the_documents_limits_and_env_dev_none(monkeypatch: Monkeypatch) -> None:
    use(monkeypatch, ".env.prod", **SECRETS)
    settings = load()
    assert limits_of(settings) == ("10/minute", "100/minute", "50/minute")
    assert (settings.rate_limit_storage, settings.trust_proxy) == ("memory://", False)
    use(monkeypatch, ".env.dev")
    settings = load()
    assert limits_of(settings) == ("", "", "")
    assert (settings.rate_limit_storage, settings.trust_proxy) == ("memory://", False)


def test_no_setting_at_all_is_no_limit_and_no_trust() -> None:
    settings = Settings(_env_file=None)
    assert limits_of(settings) == ("", "", "")
    assert (settings.rate_limit_storage, settings.trust_proxy) == ("memory://", False)
    assert Settings(_env_file=None, rate_limit_storage="").rate_limit_storage == "memory://"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("rate_limit_read", value) for value in ("100", "minute", "0/minute", "-1/minute", "1/fortnight", " ")),
        ("rate_limit_write", "10/minute; 100/hour"),
        ("rate_limit_authentication", "ten a minute"),
        *(("rate_limit_storage", value) for value in ("memory", "redis", "redis:secret-word", "carrier-pigeon://x")),
        ("rate_limit_storage", "redis://:secret-word@host:port/0"),
        ("rate_limit_storage", "redis://:secret-word@[::1/0"),
        ("rate_limit_storage", "pigeon://:secret-word@host:1/0"),
        ("rate_limit_storage", "redis+sentinel://:secret-word@host:1"),
        ("rate_limit_storage", "valkey://:secret-word@host:1"),  # its package is not installed
    ],
)
def test_a_limit_or_store_that_cannot_be_read_stops_the_start(
    start_server: Callable[..., Server], name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name.upper()) as caught:
        start_server(**{name: value})
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["memory://", "async+memory://", "redis://:p@host:1/0", "rediss://h:1", "async+redis://h:1"]
)
def test_a_store_need_not_be_there_at_the_start(start_server: Callable[..., Server], value: str) -> None:
    assert start_server(rate_limit_storage=value).client().get("/health").status_code == 200


def test_a_limit_may_be_written_in_words(start_server: Callable[..., Server]) -> None:
    client = start_server(rate_limit_read="7 per 2 hours").client()
    assert client.get("/temporary-blocks").headers["RateLimit-Policy"] == '"read";q=7;w=7200'


@pytest.mark.parametrize("name", ["authentication", "read", "write"])
def test_processes_that_share_a_port_want_one_store_for_their_limits(monkeypatch: Monkeypatch, name: str) -> None:
    limit = {f"RATE_LIMIT_{name.upper()}": "10/minute"}
    for store in ("", "memory://", "async+memory://"):
        use(monkeypatch, ".env.dev", REUSE_PORT="true", RATE_LIMIT_STORAGE=store, **limit)
        with pytest.raises(SettingsError, match="RATE_LIMIT_STORAGE"):
            load()
        use(monkeypatch, ".env.dev", REUSE_PORT="false")
        assert not load().reuse_port
    use(monkeypatch, ".env.dev", REUSE_PORT="true", RATE_LIMIT_STORAGE="redis://host:6379/0")
    assert load().reuse_port
    use(monkeypatch, ".env.dev", REUSE_PORT="true", RATE_LIMIT_STORAGE="memory://", **dict.fromkeys(limit, ""))
    assert load().reuse_port


# What the database says


PRODUCTION: dict[str, Any] = {"environment": "production", "anonymous_role": "inventory_public"}


def test_production_refuses_a_database_where_the_development_admin_can_log_in(
    start_server: Callable[..., Server], database: Database
) -> None:
    database.one("select maintenance.create_user('Admin', 'admin', 'admin')")
    with pytest.raises(SettingsError, match="change_password"):
        start_server(**PRODUCTION)
    assert start_server().token("admin", "admin"), "a development server starts"


@pytest.mark.parametrize(
    "cure",
    ["maintenance.change_password('admin', 'a strong password')", "maintenance.disable_user('admin')"],
)
def test_production_starts_once_the_development_admin_cannot_log_in(
    start_server: Callable[..., Server], database: Database, cure: str
) -> None:
    database.one("select maintenance.create_user('admin', 'admin', 'admin')")
    database.one(f"select {cure}")
    client: httpx.Client = start_server(**PRODUCTION).client()
    assert client.get("/health").status_code == 200
    assert client.get("/temporary-blocks").status_code == 401


def test_production_starts_over_an_empty_database(start_server: Callable[..., Server]) -> None:
    assert start_server(**PRODUCTION).client().get("/ready").status_code == 200
