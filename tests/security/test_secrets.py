"""Secrets are planted through real use of pages and jobs, then looked for wherever they have no business."""

import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests import factories
from tests.jobs import JobRunner
from tests.processor import Shop
from tests.security.tables import tables
from tests.services import Database
from tests.web.world import built, rules
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.billing import pay_link
from webapp.domain.organizations import AuthenticatorApp, Login, RoleName
from webapp.web import logs

PASSWORD, NEXT_PASSWORD = "canary-crosses-the-winter-sea", "canary-sleeps-beside-the-stove"
SECRET_KEY, WEBHOOK_SECRET = "sk_test_canaryInTheCoalMine", "whsec_canaryInTheCoalMine"
INVITED = "ruth@example.org"
FIRST_NAME = "Canarianne"


class Canaries(dict[str, str]):
    """Secrets by name. Every look notes where one was found."""

    def __init__(self, **secrets: str) -> None:
        super().__init__(secrets)
        self.found: list[str] = []

    def look(self, where: str, text: str, *, but: tuple[str, ...] = ()) -> None:
        self.found += [
            f"{name} in {where}" for name, secret in self.items() if name not in but and secret in text
        ]


@pytest.fixture
def log_lines(app: Flask, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    logs.configure("DEBUG", readable=False)
    yield lambda: "".join(capfd.readouterr())
    logs.configure(app.config["SETTINGS"].log_level, readable=True)


@pytest.fixture
def admin(shop: Shop) -> Login:
    login = factories.make_admin()
    with transaction() as session:
        session.get_one(Login, login.id).choose_password(PASSWORD)
    return login


def sign_in(client: FlaskClient, login: Login, password: str, code: str | None = None) -> str:
    client.post("/", data={"email": login.email, "password": password})
    if code is not None:
        client.post("/second-factor", data={"code": code})
    cookie = client.get_cookie("duesbook")
    return cookie.value if cookie else ""


def set_up_app(client: FlaskClient, login: Login) -> tuple[str, list[str]]:
    """The secret that the app keeps, and the recovery codes that are shown once."""
    client.post("/account/second-factor/app/")
    app = AuthenticatorApp.of(login)
    assert app is not None
    secret = app.reveal(wiring.key_ring())
    page = client.post("/account/second-factor/app/confirmation", data={"code": pyotp.TOTP(secret).now()})
    return secret, re.findall(r"\b\d-[a-z2-9]{5}-[a-z2-9]{5}(?=</span>)", page.text)


def link_in(mail_text: str, path: str) -> str:
    found = re.search(rf"/{path}/([\w-]{{30,}})", mail_text)
    assert found, mail_text
    return found[1]


@pytest.mark.case("A19")
def test_no_secret_is_in_logs_redis_tables_jobs_mails_of_others_exports_or_error_pages(
    shop: Shop,
    app: Flask,
    admin: Login,
    client: FlaskClient,
    database: Database,
    jobs: JobRunner,
    log_lines: Any,
) -> None:
    office = f"/o/{shop.organization.slug}/national"
    canaries = Canaries(password=PASSWORD, next_password=NEXT_PASSWORD)
    answers: dict[str, str] = {}

    canaries["wrong_password"] = "canary-flew-away-from-home"
    answers["refused"] = client.post(
        "/", data={"email": admin.email, "password": canaries["wrong_password"]}
    ).text
    sign_in(client, admin, PASSWORD)
    canaries["app_secret"], codes = set_up_app(client, admin)
    canaries["cookie"] = sign_in(client, admin, PASSWORD, codes.pop())
    canaries["recovery_code"] = codes.pop()

    keys = {"name": "Stripe", "secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET}
    answers["keys"] = client.post(f"{office}/processors/{shop.processor_id}/", data=keys).text
    canaries |= {"secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET}
    bad = keys | {"webhook_secret": "whsec_canary with spaces"}
    answers["bad_keys"] = client.post(f"{office}/processors/{shop.processor_id}/", data=bad).text

    made = client.post(
        f"{office}/tokens/", data={"name": "Nightly", "role": RoleName.AUDITOR.value, "chapter": ""}
    )
    token = re.search(r"duesbook_[\w-]{40,}", made.text)
    assert token, made.text
    canaries["api_token"] = token[0]
    bearer = {"Authorization": f"Bearer {token[0]}"}
    assert client.get("/api/members/", headers=bearer).status_code in (200, 404)
    answers["api"] = client.get(f"/api/members/{shop.member_id}/balance/", headers=bearer).text
    canaries["unknown_token"] = "duesbook_canary_" + "x" * 43
    answers["api_refused"] = client.get(
        "/api/invoices/", headers={"Authorization": f"Bearer {canaries['unknown_token']}"}
    ).text

    invoice = shop.owed()
    canaries["pay_token"] = pay_link.token(invoice, wiring.settings().secret_key)
    visitor = app.test_client()
    pay = f"/o/{shop.organization.slug}/pay/{canaries['pay_token']}"
    assert visitor.get(pay).status_code == 200
    visitor.post(f"{pay}/checkouts")
    answers["half_a_link"] = visitor.get(f"{pay[:-5]}").text

    visitor.post("/password-reset", data={"email": admin.email})
    client.post(f"{office}/people/invitations/", data={"email": INVITED, "role": "auditor", "chapter": ""})
    member = factories.make_login("Mia Member")
    factories.make_role(member, RoleName.MEMBER, member=shop.member)
    at_home = app.test_client()
    at_home.post("/sign-in-links/", data={"email": member.email})
    jobs.run_all()
    kept = wiring.mail_folder()
    mails = [(mail, kept.read(mail.name)) for mail in kept.newest(50)]
    reset = next(opened.text for mail, opened in mails if "/password-reset/" in opened.text)
    canaries["reset_token"] = link_in(reset, "password-reset")
    canaries["mail_body"] = max(reset.splitlines(), key=len)
    visitor.get(f"/password-reset/{canaries['reset_token']}")
    answers["reset"] = visitor.post(
        f"/password-reset/{canaries['reset_token']}", data={"password": NEXT_PASSWORD}
    ).text
    for name, where in (("sign_in_token", "sign-in-links"), ("invitation_token", "invitations")):
        canaries[name] = next(
            link_in(opened.text, where) for _, opened in mails if f"/{where}/" in opened.text
        )
    assert at_home.post(f"/sign-in-links/{canaries['sign_in_token']}").location.endswith("/my/")
    canaries["invited_password"] = "canary-perches-on-a-lantern"
    joining = {"name": "Ruth Lee", "password": canaries["invited_password"]}
    invitation = f"/o/{shop.organization.slug}/invitations/{canaries['invitation_token']}"
    assert app.test_client().post(invitation, data=joining).status_code == 303
    sign_in(client, admin, NEXT_PASSWORD, canaries["recovery_code"])
    canaries["next_cookie"] = sign_in(client, admin, NEXT_PASSWORD, codes.pop())
    answers |= pages(app, client, shop)

    known_to = {
        admin.email: ("reset_token", "mail_body"),
        member.email: ("sign_in_token",),
        INVITED: ("invitation_token",),
    }
    canaries.look("the logs", log_lines())
    canaries.look("Redis", everything_in(app.config["SETTINGS"].redis_url))
    for table, rows in tables(database):
        canaries.look(table, rows)
    for name, text in answers.items():
        canaries.look(f"the answer “{name}”", text)
    for mail, opened in mails:
        canaries.look(
            f"a mail to {mail.recipient}",
            opened.text + opened.html,
            but=known_to.get(mail.recipient, ("pay_token",)),
        )
    assert canaries.found == []
    assert len(canaries) == 17 and all(canaries.values())


def pages(app: Flask, client: FlaskClient, shop: Shop) -> dict[str, str]:
    """Every page of the office that needs no id, and its export."""
    found = {}
    for rule in rules(app, "GET", "national"):
        if rule.arguments == {"org"} and rule.endpoint != "national.search":
            address = built(rule, {"org": shop.organization.slug})
            for asked in ("", "?format=csv"):
                found[address + asked] = client.get(address + asked).text
    assert len(found) > 30
    return found


def everything_in(redis_url: str) -> str:
    with Redis.from_url(redis_url) as redis:
        kept = [repr(key) + repr(_value(redis, key)) for key in redis.scan_iter()]
    return "\n".join(kept)


def _value(redis: "Redis", key: bytes) -> object:
    match redis.type(key):
        case b"string":
            return redis.get(key)
        case b"hash":
            return redis.hgetall(key)
        case b"list":
            return redis.lrange(key, 0, -1)
        case b"set":
            return redis.smembers(key)
        case b"zset":
            return redis.zrange(key, 0, -1)
        case kind:
            return kind


def test_the_search_finds_what_is_there(shop: Shop, database: Database) -> None:
    with tenancy.acting_for(shop.organization.id), transaction():
        shop.member.first_name = FIRST_NAME
    canaries = Canaries(name=FIRST_NAME)
    for table, rows in tables(database):
        canaries.look(table, rows)
    assert canaries.found == ["name in members"]
