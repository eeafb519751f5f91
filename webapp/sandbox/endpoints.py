"""Webhook endpoints: who wants to hear what, and how badly the post works today."""

from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from webapp.sandbox.account import Account
from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.identifiers import webhook_secret
from webapp.sandbox.metadata import merged
from webapp.sandbox.specification import API_VERSION, Json
from webapp.sandbox.store import Resource


@dataclass(frozen=True)
class Modes:
    """`duplicates` is how many copies arrive at once; `hold` keeps deliveries until they are released."""

    duplicates: int = 1
    reorder: bool = False
    delay: float = 0.0
    drop: bool = False
    hold: bool = False

    def changed(self, values: dict[str, Any]) -> "Modes":
        unknown = set(values) - {field.name for field in fields(self)}
        if unknown:
            raise InvalidRequest(f"There is no delivery mode called {', '.join(sorted(unknown))}.")
        return Modes(
            **(asdict(self) | {name: _of_kind(values[name], type(getattr(self, name))) for name in values})
        )


def _of_kind(value: Any, kind: type) -> Any:
    try:
        return value in (True, "true", "on", "1") if kind is bool else kind(value)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"'{value}' is not understood.") from error


def modes_of(endpoint: Resource) -> Modes:
    return Modes(**endpoint.hidden["modes"])


def set_modes(account: Account, endpoint: Resource, values: dict[str, Any]) -> Modes:
    modes = modes_of(endpoint).changed(values)
    endpoint.hidden["modes"] = asdict(modes)
    account.save(endpoint)
    return modes


def create(account: Account, params: Json) -> Json:
    """Its secret is told this once."""
    if urlsplit(params["url"]).scheme not in {"http", "https"}:
        raise InvalidRequest(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="url",
        )
    secret = params.get("secret") or webhook_secret()
    endpoint = account.create(
        "webhook_endpoint",
        url=params["url"],
        enabled_events=params["enabled_events"],
        status="enabled",
        api_version=params.get("api_version", API_VERSION),
        description=params.get("description") or None,
        metadata=merged({}, params.get("metadata", {})),
        hidden={"secret": secret, "modes": asdict(Modes())},
    )
    return dict(endpoint) | {"secret": secret}


def update(account: Account, params: Json) -> Resource:
    endpoint = account.find("webhook_endpoint", params["webhook_endpoint"])
    endpoint |= {name: params[name] for name in ("url", "enabled_events", "description") if name in params}
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    endpoint["metadata"] = merged(endpoint["metadata"], params.get("metadata", {}))
    account.save(endpoint)
    return endpoint


def delete(account: Account, params: Json) -> Json:
    endpoint = account.find("webhook_endpoint", params["webhook_endpoint"])
    account.store.run("DELETE FROM objects WHERE id = ?", (endpoint.id,))
    return {"id": endpoint.id, "object": "webhook_endpoint", "deleted": True}


def wants(endpoint: Resource, type: str) -> bool:
    return endpoint["status"] == "enabled" and bool({"*", type} & set(endpoint["enabled_events"]))
