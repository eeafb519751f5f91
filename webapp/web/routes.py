"""Every blueprint and URL prefix on one screen."""

from importlib import import_module

from flask import Flask

from webapp.web import gates
from webapp.web.account import account
from webapp.web.members import members
from webapp.web.national import national
from webapp.web.public import public, visitors
from webapp.web.treasurers import treasurers

RESOURCES: dict[str, list[str]] = {
    "public": ["sign_in", "invitations", "password_reset"],
    "members": [],
    "treasurers": [],
    "national": ["people", "tokens", "audit_trail"],
}

BLUEPRINTS = [public, visitors, account, members, treasurers, national]


def init(app: Flask) -> None:
    for persona, names in RESOURCES.items():
        for name in names:
            import_module(f"webapp.web.{persona}.{name}")
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.teardown_request(gates.leave)
