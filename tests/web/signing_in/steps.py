"""What people and thieves do on the way in."""

import re
from typing import Any

import pyotp
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from tests.web.authenticator import Authenticator
from webapp import wiring
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.domain.organizations import (
    AuthenticatorApp,
    Login,
    LoginSession,
    recovery_codes,
)
from webapp.web.limits import limiter

PASSWORD = "plum ladder seventeen otters"


def send(client: FlaskClient, email: str, password: str = PASSWORD, **fields):
    return client.post("/", data={"email": email, "password": password} | fields)


def cookie(client: FlaskClient) -> str:
    found = client.get_cookie("duesbook")
    assert found is not None
    return found.value


def open_sessions() -> int:
    return db.session.scalar(select(func.count()).where(LoginSession.ended_at.is_(None)))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/places/").status_code == 200


class RedisAway:
    """The counters' storage asks at a port where nobody listens."""

    def __enter__(self):
        self.pool = limiter.storage.storage.connection_pool
        self.port = self.pool.connection_kwargs["port"]
        self._move(1)

    def __exit__(self, *_):
        self._move(self.port)

    def _move(self, port: int) -> None:
        self.pool.disconnect()
        self.pool.connection_kwargs["port"] = port
        self.pool.reset()


def with_password(login: Login) -> Login:
    with transaction():
        login.choose_password(PASSWORD)
    return login


def send_password(client: FlaskClient, login: Login, **fields: str):
    return client.post("/", data={"email": login.email, "password": PASSWORD} | fields)


def give_app(login: Login, *, confirmed: bool = True) -> pyotp.TOTP:
    """What the telephone has after the set-up."""
    with transaction():
        app = AuthenticatorApp.prepare(login, wiring.key_ring())
        app.confirmed_at = clock.now() if confirmed else None
    return pyotp.TOTP(app.reveal(wiring.key_ring()))


def give_codes(login: Login) -> list[str]:
    with transaction():
        return recovery_codes.make(login)


def give_passkey(client: FlaskClient, device: Authenticator, name: str = "My telephone"):
    """Adds it by the page, as the browser signed in here."""
    asked = client.post("/account/second-factor/passkeys/challenges/").json
    return client.post("/account/second-factor/passkeys/", data={"name": name, "answer": device.make(asked)})


def use_passkey(client: FlaskClient, device: Authenticator, **fields: str):
    asked = client.post("/passkey-challenges/").json
    return client.post("/passkey-sessions/", data={"answer": device.sign(asked)} | fields)


def opens(client: FlaskClient, address: str) -> bool:
    return client.get(address).status_code == 200


def codes_on(page: str) -> list[str]:
    return re.findall(
        r"\b\d-[a-z2-9]{5}-[a-z2-9]{5}\b",
        page.partition('<ul aria-label="Recovery codes">')[2].partition("</ul>")[0],
    )


def rewind(login: Login, **columns: Any) -> None:
    with transaction():
        db.session.execute(update(LoginSession).where(LoginSession.login_id == login.id).values(**columns))
