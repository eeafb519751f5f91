"""Takes docs/screenshots/ of the demo organization: `python -m tests.browser.screenshots`."""

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.house import House, launch, open_house
from tests.sandbox.control import eventually
from tests.services import Database
from webapp import wiring
from webapp.adapters import schema
from webapp.adapters.embedded import EmbeddedServers
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.demo import seed, story
from webapp.domain.billing import pay_link, schedules
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.notifications import delivery
from webapp.domain.organizations import Member, Organization

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
DESK, PHONE = (1280, 860), (390, 780)
LARGEST = 200_000


class Album:
    """Pictures of one house, each taken as one of the demo's people."""

    def __init__(self, house: House, browser: Browser, slug: str) -> None:
        self.house, self.browser, self.home = house, browser, f"{house.url}/o/{slug}"

    @contextmanager
    def looking(self, who: str | None, size: tuple[int, int], scheme: str = "light") -> Iterator[Page]:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            device_scale_factor=1 if size == DESK else 2,
            locale="en-US",
        )
        page = context.new_page()
        if who is not None:
            page.goto(self.house.url)
            page.get_by_role("button", name=who).click()
            page.wait_for_url("**/o/**")
        yield page
        context.close()

    def take(
        self, name: str, address: str, who: str | None, size: tuple[int, int] = DESK, scheme: str = "light"
    ) -> None:
        with self.looking(who, size, scheme) as page:
            page.goto(address)
            save(name, page.screenshot())


def save(name: str, picture: bytes) -> None:
    """As few colours as look the same, and never a large file."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64):
        small = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if small.tell() < LARGEST:
            break
    (FOLDER / f"{name}.png").write_bytes(small.getvalue())
    print(f"{name}.png\t{small.tell() // 1000} kB")


def tell_story(house: House) -> dict[str, str]:
    """The demo, and beside it what its pictures need: addresses of an invoice, a run, a link and a mail."""
    with house.app.app_context():
        organization = seed.Seeding(years=2, seed=seed.SEED, tell=print).run()
        with tenancy.acting_for(organization.id):
            found = _addresses(organization)
            with transaction():
                delivery.write_down(
                    delivery.MailKind.INVOICE,
                    story.MEMBER_EMAIL,
                    once="picture",
                    domain=wiring.links().domain,
                    invoice_id=UUID(found["owed"]),
                )
        return {"slug": organization.slug} | found


def _addresses(organization: Organization) -> dict[str, str]:
    login_member = Member.here().first(Member.login_id.is_not(None))
    assert login_member is not None
    chapter = login_member.chapter_id
    paid = Invoice.here().first(Invoice.chapter_id == chapter, Invoice.paid > 0, Invoice.owed == 0)
    owed = Invoice.here().first(
        Invoice.chapter_id == chapter, Invoice.paid == 0, Invoice.due_on > organization.today
    )
    assert paid is not None and owed is not None
    runs = BillingRun.here().all(BillingRun.state == RunState.DONE, order_by=BillingRun.id)
    newest = BillingPeriod.here().all(
        BillingPeriod.starts_on > organization.today, order_by=BillingPeriod.starts_on
    )
    return {
        "paid": str(paid.id),
        "owed": str(owed.id),
        "run": str(runs[-1].id if len(runs) == 1 else runs[-2].id),
        "period": str(newest[0].id),
        "schedule": str(schedules.standard().id),
        "link": pay_link.token(owed, wiring.settings().secret_key),
    }


def take_all(album: Album, at: dict[str, str]) -> None:
    admin, treasurer, member = story.ADMIN[0], story.TREASURER[0], ", member"
    national, chapter = f"{album.home}/national", f"{album.home}/chapters/{story.TREASURER[2]}"
    preview = f"{national}/billing-runs/preview?schedule={at['schedule']}&period={at['period']}"
    pay = f"{album.home}/pay/{at['link']}"
    album.take("sign-in", f"{album.house.url}/", None)
    album.take("national-home", f"{national}/", admin)
    album.take("treasurer-home", f"{chapter}/", treasurer)
    album.take("treasurer-home-dark", f"{chapter}/", treasurer, scheme="dark")
    album.take("invoices", f"{chapter}/invoices/", treasurer)
    album.take("invoice", f"{chapter}/invoices/{at['paid']}", treasurer)
    album.take("billing-preview", preview, admin)
    album.take("billing-run", f"{national}/billing-runs/{at['run']}/", admin)
    album.take("chapter-ledger", f"{chapter}/ledger/", treasurer)
    album.take("pay", pay, None, PHONE)
    album.take("pay-dark", pay, None, PHONE, "dark")
    album.take("member-home", f"{album.home}/my/", member, PHONE)
    take_pdf(album, f"{pay}/pdf")
    take_mail(album)


def take_pdf(album: Album, address: str) -> None:
    with album.looking(None, DESK) as page, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "invoice.pdf"
        file.write_bytes(page.request.get(address).body())
        subprocess.run(
            ["pdftoppm", "-png", "-r", "96", "-singlefile", file, file.with_suffix("")], check=True
        )
        save("invoice-pdf", file.with_suffix(".png").read_bytes())


def take_mail(album: Album) -> None:
    with album.house.app.app_context():
        folder = wiring.mail_folder()
        eventually(lambda: bool(folder.newest(1)), seconds=60)
        [newest] = folder.newest(1)
    album.take("invoice-mail", f"{album.house.url}/mailbox/{newest.name}/html", None, (640, 860))


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedServers(Path(folder) / "servers", durable=False) as at,
    ):
        schema.upgrade(at.database_owner_url)
        database = Database(at.database_url, at.database_owner_url, "")
        data = Path(folder) / "data"
        with (
            open_house(database, at.redis_url, data, environment="demo") as house,
            sync_playwright() as player,
        ):
            told = tell_story(house)
            browser = launch(player)
            take_all(Album(house, browser, told["slug"]), told)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
