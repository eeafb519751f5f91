"""Which of our servers are spoken to in the clear: said to whoever asks whether it is working."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from webapp.core.checkup import Line, Mark

_SUBJECT = "Connections"
_ENCRYPTED = {"rediss", "unix", "smtps"}
_INSISTING = {"require", "verify-ca", "verify-full"}


def line(addresses: Mapping[str, str]) -> Line:
    """`addresses` by the setting that holds each; one that is not set is left out."""
    found = [(name, host) for name, address in addresses.items() for host in _in_the_clear(address)]
    if not found:
        return Line(_SUBJECT, Mark.GOOD, "Encrypted, or on this machine.")
    said = "In the clear: " + ", ".join(f"{name} to {host}" for name, host in found) + "."
    if all(_is_bare(host) for _, host in found):
        advice = "Fine between containers of one machine. Otherwise add TLS to the address."
        return Line(_SUBJECT, Mark.LOOK, said, advice)
    advice = "Use ?sslmode=verify-full, rediss:// and smtps://, or a tunnel that ends on this machine."
    return Line(_SUBJECT, Mark.ACT, said, advice)


def _in_the_clear(address: str) -> Iterator[str]:
    """The other machines that this address leads to without encryption."""
    parts = urlsplit(address)
    asked = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    sealed = parts.scheme in _ENCRYPTED or asked.get("sslmode") in _INSISTING
    if sealed or (parts.scheme == "smtp" and (parts.password or "starttls" in asked)):
        return
    hosts = asked.get("host") or parts.netloc.rpartition("@")[2]
    yield from (host for host in map(_without_port, hosts.split(",")) if not _is_here(host))


def _without_port(place: str) -> str:
    return place.partition("]")[0].removeprefix("[") if place.startswith("[") else place.partition(":")[0]


def _is_here(host: str) -> bool:
    if not host or host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_bare(host: str) -> bool:
    """A name without a domain, as containers call each other."""
    return not {".", ":"} & set(host)
