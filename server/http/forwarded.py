"""The address that a request was sent to, and the client's: from the connection, or from a trusted proxy's headers."""

from __future__ import annotations

import dataclasses
import ipaddress
import re

from aiohttp import web

_DEFAULT_PORT = {"http": "80", "https": "443"}
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:(?P<port>[0-9]{1,5}))?")
_ADDRESS_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[0-9.]+))(:[0-9]{1,5})?")


@dataclasses.dataclass(frozen=True)
class Addresses:
    """``base_url``: scheme and host, as the client addressed them. ``client``: what counts as one client's address."""

    base_url: str
    client: str


def addresses(request: web.Request, *, trusts_proxy: bool) -> Addresses:
    """Read the addresses of a request. In an X-Forwarded header the last entry counts: the nearest proxy wrote it.

    What is not trusted, or cannot be read, is as if it were not there. The Host is taken as it was sent: one that is no
    address makes a link that is none, and no error.
    """
    scheme, host = request.scheme, _host(request)
    client = _client(request.remote)
    if trusts_proxy:
        client = _client(_last(request, "X-Forwarded-For")) or client
        forwarded_scheme = _last(request, "X-Forwarded-Proto").lower()
        scheme = forwarded_scheme if forwarded_scheme in _DEFAULT_PORT else scheme
        host = _forwarded_host(request, scheme)
    return Addresses(f"{scheme}://{host}", client or "unknown")


def _last(request: web.Request, name: str) -> str:
    """The last entry of the header, however many lines it came in."""
    return ",".join(request.headers.getall(name, ())).rpartition(",")[2].strip()


def _host(request: web.Request) -> str:
    """The Host header as it was sent, with its port. A byte that is not text becomes a question mark."""
    host = request.headers.get("Host") or request.host
    return host.encode("utf-8", "replace").decode()


def _forwarded_host(request: web.Request, scheme: str) -> str:
    host = _last(request, "X-Forwarded-Host")
    if not _is_host(host):
        host = _host(request)
    port = _last(request, "X-Forwarded-Port")
    if _has_no_port(host) and port != _DEFAULT_PORT.get(scheme) and _is_host(f"x:{port}"):
        return f"{host}:{port}"
    return host


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return match is not None and 0 < int(match["port"] or 80) < 65536


def _has_no_port(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return match is not None and match["port"] is None


def _client(text: str | None) -> str:
    """The IP address without its port. For IPv6 the /64, which is usually one customer. Empty if it is no address."""
    text = text or ""
    if match := _ADDRESS_AND_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))
