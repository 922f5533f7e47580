"""Log lines, with the id of the request that they are about: JSON for machines, text for a terminal."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from server.http.guard import REQUEST_ID, ROLE

Format = Literal["auto", "json", "text"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "role"}


class OfRequest(logging.Filter):
    """Adds the id of the request that is being answered, and the role that it runs as."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id, record.role = REQUEST_ID.get(), ROLE.get()
        return True


class JsonFormatter(logging.Formatter):
    """A JSON object a line: time, level, logger, process, message, request_id, role, error, and what ``extra`` has."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        for name in ("request_id", "role"):
            if value := getattr(record, name, ""):
                line[name] = value
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Time with its offset, level, logger, process and message, and the request's id where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        request_id = getattr(record, "request_id", "")
        return f"{text} (request {request_id})" if request_id else text


def configure(level: str, form: Format = "auto") -> None:
    """Log to standard error; ``auto``: text where that is a terminal. yoyo's steps only where something is wrong."""
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.addFilter(OfRequest())
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("yoyo").setLevel(logging.WARNING)
