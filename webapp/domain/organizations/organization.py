"""The tenant: its money, its day, its words."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from anyascii import anyascii
from babel import Locale, UnknownLocaleError
from sqlalchemy import CheckConstraint, ColumnElement, Date, LargeBinary, Text, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock, money, tenancy
from webapp.core.db import Base, db, new_id
from webapp.core.errors import Invalid
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import open_default_statuses


class PaperSize(StrEnum):
    A4 = "A4"
    LETTER = "Letter"


@dataclass(frozen=True)
class Vocabulary:
    """What this organization calls things: `Local` for Chapter, `Resident` for Member."""

    chapter: str = "Chapter"
    chapters: str = "Chapters"
    member: str = "Member"
    members: str = "Members"
    dues: str = "Dues"
    pledge_class: str = "Pledge class"


class Organization(Base):
    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    currency: Mapped[str]
    timezone: Mapped[str]
    locale: Mapped[str] = mapped_column(default="en_US")
    paper_size: Mapped[PaperSize] = mapped_column(default=PaperSize.LETTER)
    words: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    address: Mapped[str] = mapped_column(Text, default="")
    how_to_pay: Mapped[str] = mapped_column(Text, default="")
    sender_name: Mapped[str | None]
    reply_to: Mapped[str | None]
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    fiscal_year_month: Mapped[int] = mapped_column(default=1, server_default="1")
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", "slug_is_plain"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", "currency_is_iso"),
        CheckConstraint("fiscal_year_month BETWEEN 1 AND 12", "fiscal_year_begins_with_a_month"),
    )

    @classmethod
    def create(
        cls,
        name: str,
        *,
        currency: str,
        timezone: str,
        by: Login | None,
        locale: str = "en_US",
        paper_size: PaperSize | None = None,
    ) -> "Organization":
        """With the default statuses. Its books and dues are opened by whoever founds it (wiring)."""
        name, currency = name.strip(), currency.strip().upper()
        _require_real(name=name, currency=currency, timezone=timezone, locale=locale)
        organization = cls(
            slug=_free_slug(name),
            name=name,
            currency=currency,
            timezone=timezone,
            locale=locale,
            paper_size=paper_size or _usual_paper(locale),
        )
        db.session.add(organization)
        db.session.flush()
        with tenancy.acting_for(organization.id):
            open_default_statuses()
            audit.record("organization created", organization, by=by, after=organization.facts)
            db.session.flush()
        return organization

    @classmethod
    def by_slug(cls, slug: str) -> "Organization | None":
        return db.session.scalars(select(cls).where(cls.slug == slug)).first()

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(**self.words)

    @property
    def today(self) -> date:
        """The organization's local date: what "today" means in every rule."""
        return clock.today(self.timezone)

    @property
    def tomorrow(self) -> date:
        return self.today + timedelta(days=1)

    def midnight(self, day: date) -> datetime:
        """When the day begins there."""
        return datetime.combine(day, time(), clock.zone(self.timezone))

    @property
    def mail_sender(self) -> str:
        return self.sender_name or self.name

    @property
    def facts(self) -> dict[str, Any]:
        """What the settings page shows and changes."""
        return {name: getattr(self, name) for name in SETTINGS} | {"words": dict(self.words)}

    def change(self, facts: Mapping[str, Any], *, by: Login | None) -> None:
        """The currency never changes: every amount in the books is in it."""
        before = self.facts
        _require_real(
            name=facts.get("name", self.name),
            timezone=facts.get("timezone", self.timezone),
            locale=facts.get("locale", self.locale),
        )
        for name in SETTINGS:
            if name in facts and name != "currency":
                setattr(self, name, facts[name])
        if "words" in facts:
            usual = asdict(Vocabulary())
            self.words = {key: word for key, word in facts["words"].items() if word and word != usual[key]}
        if before != self.facts:
            changed = [name for name, value in self.facts.items() if value != before[name]]
            after = self.facts
            audit.record(
                "organization settings changed",
                self,
                by=by,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )

    def show_logo(self, picture: bytes | None, *, by: Login | None) -> None:
        """A picture that `logo.reencoded` made, or none."""
        self.logo = picture
        audit.record("logo changed", self, by=by, after={"bytes": len(picture or b"")})


def local_day(moment: Any) -> ColumnElement[date]:
    """The day of a moment where the organization is that this transaction acts for."""
    zone = select(Organization.timezone).where(Organization.id == tenancy.HERE).scalar_subquery()
    return cast(func.timezone(zone, moment), Date)


SETTINGS = (
    "name",
    "currency",
    "timezone",
    "locale",
    "paper_size",
    "address",
    "how_to_pay",
    "sender_name",
    "reply_to",
    "fiscal_year_month",
)


def _require_real(**facts: str) -> None:
    """A name, currency, time zone and locale that exist, each with its own sentence."""
    problems = {}
    if "name" in facts and not facts["name"]:
        problems["name"] = "Give the organization a name."
    if "currency" in facts and not money.is_currency(facts["currency"]):
        problems["currency"] = f"“{facts['currency']}” is not a currency code. Write it like USD or EUR."
    if "timezone" in facts and facts["timezone"] not in available_timezones():
        problems["timezone"] = f"“{facts['timezone']}” is not a time zone. Write it like America/New_York."
    if "locale" in facts and not _is_locale(facts["locale"]):
        problems["locale"] = f"“{facts['locale']}” is not a locale. Write it like en_US or de_DE."
    if problems:
        raise Invalid(fields=problems)


def _is_locale(name: str) -> bool:
    try:
        Locale.parse(name)
    except (ValueError, UnknownLocaleError):
        return False
    return True


def _usual_paper(locale: str) -> PaperSize:
    """Letter in North America and the few countries that follow it; A4 elsewhere."""
    letter = ("US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PA", "DO", "PR")
    return PaperSize.LETTER if Locale.parse(locale).territory in (None, *letter) else PaperSize.A4


def _free_slug(name: str) -> str:
    """`Pi Chi Fraternity` gives `pi-chi-fraternity`, the second of that name `pi-chi-fraternity-2`, and
    `Æbeltoft Straße` gives `aebeltoft-strasse`: letters of any alphabet become plain ones.
    """
    plain = anyascii(name).lower()
    wish = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "organization"
    taken = set(db.session.scalars(select(Organization.slug).where(Organization.slug.startswith(wish))))
    slug, number = wish, 1
    while slug in taken:
        number += 1
        slug = f"{wish}-{number}"
    return slug
