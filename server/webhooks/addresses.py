"""Which addresses an event may be sent to: those that anybody on the internet could reach."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ipaddress
import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_IPV4_REFUSED = (
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.ip_network("168.63.129.16/32"),  # in Azure the host of each machine, which knows its secrets
)
_IPV6_GLOBAL = ipaddress.ip_network("2000::/3")
_IPV6_REFUSED = (
    ipaddress.ip_network("2001::/23"),  # protocol assignments, such as Teredo
    ipaddress.ip_network("2001:db8::/32"),  # documentation
    ipaddress.ip_network("2002::/16"),  # 6to4
    ipaddress.ip_network("3fff::/20"),  # documentation
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(OSError):
    """The address is not one that anybody on the internet could reach."""


def is_public(address: str) -> bool:
    """Whether the IP address is a global unicast address. An IPv4 address within an IPv6 address counts as itself."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        else:
            return ip in _IPV6_GLOBAL and ip.is_global and not any(ip in network for network in _IPV6_REFUSED)
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _IPV4_REFUSED)


def public_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket for the address, of socket.getaddrinfo's form. Raises ForbiddenAddressError."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise ForbiddenAddressError(f"{address[0]} is not a public address: nothing was sent")
    return socket.socket(family, kind, protocol)


class Resolver(AbstractResolver):
    """Resolves names in its own threads: a slow name must not delay the rest of the server."""

    def __init__(self, threads: int) -> None:
        self._threads = concurrent.futures.ThreadPoolExecutor(threads, "webhook-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
