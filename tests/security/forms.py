"""Every form that every page offers, as a browser would send it untouched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.world import World, enter, rules

Attributes = list[tuple[str, str | None]]


@dataclass
class OfferedForm:
    """`fields` in the order of the page; radio buttons and boxes only when they are on."""

    action: str
    enctype: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.forms = address, list[OfferedForm]()
        self._open: OfferedForm | None = None
        self._list, self._text = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method", "").lower() == "post":
            action = urlsplit(urljoin(f"http://localhost{self.address}", found.get("action", ""))).path
            self._open = OfferedForm(action, found.get("enctype", ""))
            self.forms.append(self._open)
        elif self._open is not None:
            self._control(tag, found)

    def _control(self, tag: str, found: dict[str, str]) -> None:
        assert self._open is not None
        name = found.get("name", "")
        if tag in ("select", "textarea"):
            self._list, self._text = (name, "") if tag == "select" else ("", name)
            self._open.fields.setdefault(name, "")
        elif tag == "option" and self._list and ("selected" in found or not self._open.fields[self._list]):
            self._open.fields[self._list] = found.get("value", "")
        elif (
            tag == "input" and name and (found.get("type") not in ("radio", "checkbox") or "checked" in found)
        ):
            self._open.fields[name] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._text:
            self._open.fields[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self._list = self._text = ""
        if tag == "form":
            self._open = None


def offered_forms(app: Flask, client: FlaskClient, world: World, *blueprints: str) -> Iterator[OfferedForm]:
    """Each once, but for the one that signs out."""
    seen = {"/sign-out"}
    for rule in rules(app, "GET", *blueprints):
        address = world.address(rule)
        answer = client.get(address)
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        for form in _Reader(address, answer.text).forms:
            if form.action not in seen:
                seen.add(form.action)
                yield form


Offered = Callable[..., list[OfferedForm]]


@pytest.fixture(scope="session")
def offered_before() -> dict[tuple[str, ...], list[OfferedForm]]:
    return {}


@pytest.fixture
def offered(
    app: Flask, client: FlaskClient, world: World, offered_before: dict[tuple[str, ...], list[OfferedForm]]
) -> Offered:
    """The forms that somebody finds there while nobody has changed the world: read once for all tests."""

    def to(who: str, *blueprints: str) -> list[OfferedForm]:
        if (who, *blueprints) not in offered_before:
            enter(client, world.logins[who])
            offered_before[who, *blueprints] = list(offered_forms(app, client, world, *blueprints))
        enter(client, world.logins[who])
        return offered_before[who, *blueprints]

    return to
