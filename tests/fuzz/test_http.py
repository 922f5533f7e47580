"""Anything over HTTP that the service takes, and much that it does not: each answer is as /openapi.json describes.

What the service takes is more than /openapi.json says, which has one type for a number: see tools/openapi.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from server.database.interface import read
from tests.conftest import Database, Server
from tests.fuzz.effort import FACTOR, SEED
from tests.fuzz.world import fill
from tools import openapi
from tools.openapi.names import TAGS

HOUR = 3600

# Every check is on but for these.
OFF = {
    # A body of the right form is still refused where a name is taken, stock is short, or what an id names is not there.
    "positive_data_acceptance": {"enabled": False},
    # A caller without a token, or another one's, sees all of its own role's things: nothing here is a user's own.
    "object_level_authorization": {"enabled": False},
}


def _config(phases: set[str], examples: int, mode: str) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "continue-on-failure": True,
            "request-timeout": 30,
            "workers": 1,
            "cache": {"enabled": False},
            "checks": OFF,
            "generation": {
                "mode": mode,
                "max-examples": examples * max(FACTOR, 1),
                "deterministic": not FACTOR,
                "database": "none",
                "no-shrink": True,
                "allow-x00": True,
            },
            "phases": {name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")},
        }
    )


# It knows no files of lines: it sends the bytes.
schemathesis.serializer.alias(["text/csv", "application/x-ndjson"], "application/octet-stream")


class Fuzzer:
    """Runs schemathesis against a server, and tells what it found."""

    def __init__(self, server: Server, document: dict[str, Any], token: str | None) -> None:
        self._document = document
        self._base = server.url
        self._token = token

    def run(
        self, phases: set[str], examples: int, mode: str = "all", hooks: dict[str, Any] | None = None, **chosen: Any
    ) -> tuple[int, list[str]]:
        """How many requests were made, and what is wrong with which, each kind once."""
        schema = schemathesis.openapi.from_dict(self._document, config=_config(phases, examples, mode))
        schema.config.base_url = self._base
        if self._token is not None:
            schema.config.headers = {"Authorization": f"Bearer {self._token}"}
        for name, hook in (hooks or {}).items():
            schema.hook(name)(hook)
        if chosen:
            schema = schema.include(**chosen)
        made, found = 0, {}
        for event in from_schema(schema).execute():
            if isinstance(event, events.NonFatalError | events.FatalError):
                found[str(event)[:200]] = str(event)
            if isinstance(event, events.ScenarioFinished):
                made += len(event.recorder.cases)
                for case_id, checks in event.recorder.checks.items():
                    for check in checks:
                        if check.status is Status.FAILURE:
                            case = event.recorder.cases[case_id].value
                            failure = check.failure_info.failure
                            key = f"{check.name} {case.method} {case.path} {failure.title}"
                            told = f"{key}\n{failure.message}\n{check.failure_info.code_sample}"
                            answer = event.recorder.interactions[case_id].response
                            if answer is not None:
                                told += f"\n-> {answer.status_code} {answer.text[:500]}"
                            found.setdefault(key, told)
        return made, list(found.values())


def answers(document: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """The answers of each operation."""
    return {
        (path, method): operation["responses"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


@pytest.fixture
def fuzzer(database: Database, start_server: Callable[..., Server]) -> Iterator[Callable[..., Fuzzer]]:
    """fuzzer(role): for a caller with a token of the role, or without one."""
    fill(database)
    database.rows("update store.webhook set enabled = false returning id")
    server = start_server(access_token_seconds=HOUR, webhook_poll_seconds=HOUR)
    interface = read(database.one("select http.catalog()::text"))
    taken = json.loads(openapi.text(interface, as_accepted=True))
    served = server.client().get("/openapi.json").json()
    assert answers(taken) == answers(served)
    assert taken != served

    def start(name: str | None) -> Fuzzer:
        return Fuzzer(server, taken, None if name is None else server.token(name, "secret"))

    yield start
    database.verify()


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("user", ["root", "operator", None])
def test_every_answer_is_as_described(fuzzer: Callable[..., Fuzzer], user: str | None, tag: str) -> None:
    phases = {"examples", "coverage", "fuzzing"} if user == "root" else {"examples", "fuzzing"}
    made, found = fuzzer(user).run(phases, 5 if user == "root" else 1, tag=tag)
    assert found == []
    assert made > 0


@pytest.mark.parametrize("user", ["root", None])
def test_every_answer_is_as_described_on_the_way_along_the_links(
    fuzzer: Callable[..., Fuzzer], user: str | None
) -> None:
    made, found = fuzzer(user).run({"stateful"}, 15)
    assert found == []
    assert made > 0


class Nul:
    """Puts a NUL into one text after the other of what would be good."""

    def __init__(self) -> None:
        self.count = 0

    def into(self, value: Any) -> Any:
        """The value with a NUL in the next of its texts."""
        self.count += 1
        value = copy.deepcopy(value)
        texts = list(_texts(value))
        if texts:
            holder, key = texts[self.count % len(texts)]
            holder[key] = f"{holder[key][:1]}\x00{holder[key][2:]}"
        return value


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield value, key
        else:
            yield from _texts(item)


@pytest.mark.parametrize("place", ["body", "query"])
def test_a_nul_is_refused_wherever_it_comes(fuzzer: Callable[..., Fuzzer], place: str) -> None:
    methods = {"body": ["POST", "PUT", "PATCH"], "query": ["GET"]}[place]
    nul = Nul()

    def hook(context: Any, value: Any) -> Any:  # schemathesis looks at the names, and takes no method
        return nul.into(value)

    made, found = fuzzer("root").run({"fuzzing"}, 5, "positive", {f"map_{place}": hook}, method=methods)
    assert found == []
    assert made > nul.count > 0
