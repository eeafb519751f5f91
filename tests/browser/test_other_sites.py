"""A page of another origin, in a browser that is signed in with us."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.house import House, Office, sign_in
from webapp.core import tenancy
from webapp.domain.organizations import Login, Organization, Role

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><title>Win a prize</title>
<form method="post" action="{target}"><input name="name" value="Robbed"><button>Win</button></form>
<iframe src="{target}"></iframe>"""


class OtherSite(ThreadingHTTPServer):
    """Shows a form that leads to `target`, and our page in a frame. The name is not ours, nor is the site."""

    target = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Visit(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, OtherSite)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.format(target=self.server.target).encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def other_site() -> Iterator[OtherSite]:
    with OtherSite(("127.0.0.1", 0), _Visit) as site:
        serving = threading.Thread(target=site.serve_forever, args=(0.05,))
        serving.start()
        yield site
        site.shutdown()
        serving.join()


@pytest.fixture
def victim(browser: Browser, house: House, office: Office) -> Iterator[Page]:
    """Our own console listener would complain: here the browser is meant to refuse things."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, house, office.admin)
    yield page
    context.close()


def facts(house: House, office: Office) -> list[str]:
    with house.app.app_context(), tenancy.acting_for(office.organization_id):
        login = Login.by_email(office.admin)
        assert login is not None
        organization = Organization.by_slug(office.slug)
        assert organization is not None
        return [login.name, organization.name, str(len(Role.here().all()))]


@pytest.mark.case("A5")
@pytest.mark.parametrize(
    "path", ["/account/profile", "/o/{slug}/national/settings/organization/", "/o/{slug}/national/chapters/"]
)
def test_a_form_on_another_site_changes_nothing(
    house: House, office: Office, victim: Page, other_site: OtherSite, path: str
) -> None:
    before = facts(house, office)
    other_site.target = house.url + path.format(slug=office.slug)
    victim.goto(other_site.url)

    with victim.expect_response(lambda answer: answer.request.method == "POST") as told:
        victim.get_by_role("button", name="Win").click()

    assert told.value.status in (303, 400)
    assert facts(house, office) == before


@pytest.mark.case("A5", "A17")
def test_a_script_on_another_site_neither_reads_nor_sends_and_no_page_is_framed(
    house: House, office: Office, victim: Page, other_site: OtherSite
) -> None:
    before = facts(house, office)
    other_site.target = f"{house.url}/account/profile"
    victim.goto(other_site.url)

    outcomes = victim.evaluate(
        """async (target) => {
            const say = (name, options) => fetch(target, {credentials: "include", ...options})
                .then((answer) => `${name}: ${answer.type} ${answer.status}`, () => `${name}: refused`);
            const form = new URLSearchParams({name: "Robbed"});
            return [
                await say("read", {}),
                await say("send", {method: "POST", body: form}),
                await say("swap", {method: "POST", body: form, headers: {"HX-Request": "true"}}),
                await say("blind", {method: "POST", body: form, mode: "no-cors"}),
            ];
        }""",
        other_site.target,
    )

    assert outcomes[:3] == ["read: refused", "send: refused", "swap: refused"]
    assert outcomes[3] in ("blind: refused", "blind: opaque 0")
    assert "Your account" not in "".join(frame.content() for frame in victim.frames[1:])
    assert facts(house, office) == before
