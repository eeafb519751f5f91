"""The audit trail in words: what a thing is called, and what of it changed, as people read it."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from webapp.core.audit import AuditEntry
from webapp.domain.reporting import naming, trail
from webapp.web import books, browsers
from webapp.web.filters import date_text, moment_text, money_text
from webapp.web.gates import current_organization

_MONEY = frozenset(
    {
        "amount",
        "owed",
        "fee",
        "total",
        "refund_cap",
        "returned_debit_fee",
        "severe_above",
        "late_fee_maximum",
        "cap",
        "limit",
    }
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_SORTS = {
    "outbox": "Background job",
    "logins": "Person",
    "closed_spans": "Closed books",
    "dues_settings": "Dues settings",
    "member_statuses": "Status",
    "receipt_batches": "Batch of payments",
    "pledge_classes": "Pledge class",
    "api_tokens": "API token",
    "approval_policies": "Approval limit",
}

_LABELS = {"how": "How it goes back", "reinstates_debt": "Owed again afterwards", "digest": "Fingerprint"}
_WORDS = {("how", "original"): "the way it came", ("how", "check"): "by check"}
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Change(NamedTuple):
    field: str
    before: str | None
    now: str | None


class Told(NamedTuple):
    """An entry as its row says it; `href` leads to the thing, where it has a page."""

    entry: AuditEntry
    sort: str
    name: str | None
    href: str | None
    browser: str | None
    changes: Sequence[Change]


def told(entries: Sequence[AuditEntry]) -> list[Told]:
    """Every row of a page, with one question for all the names in it."""
    names = naming.names_of(trail.ids_in(entries))
    return [_told(entry, names) for entry in entries]


def in_words(facts: dict[str, Any], known: dict[UUID, str]) -> list[tuple[str, str]]:
    """What a thing consists of, each with its name, with one question for the names that are not known."""
    ids = {UUID(text) for text in facts.values() if isinstance(text, str) and trail.is_id(text)}
    names = known | naming.names_of(ids - known.keys())
    shown = ((name, _readable(name, value, names)) for name, value in facts.items())
    return [(_label(name), text) for name, text in shown if text]


def sort_of(kind: str) -> str:
    """`dues_rates` is a dues rate; members and chapters have the organization's own words."""
    words = current_organization.vocabulary
    own = {"members": words.member, "chapters": words.chapter} | _SORTS
    return own.get(kind) or kind.removesuffix("s").replace("_", " ").capitalize()


def _told(entry: AuditEntry, names: dict[UUID, str]) -> Told:
    subject = entry.subject_id
    return Told(
        entry,
        sort_of(entry.subject_kind),
        names.get(subject) if subject else None,
        books.document_address("national", entry.subject_kind, subject) if subject else None,
        browsers.in_short(entry.browser) if entry.browser else None,
        _changes(entry, names),
    )


def _changes(entry: AuditEntry, names: dict[UUID, str]) -> list[Change]:
    """What differs: the field, its value before, its value after."""
    before, after = entry.before or {}, entry.after or {}
    return [
        Change(
            _label(name),
            _readable(name, before.get(name), names),
            _readable(name, after.get(name), names),
        )
        for name in before | after
        if before.get(name) != after.get(name)
    ]


def _label(name: str) -> str:
    return _LABELS.get(name) or name.removesuffix("_id").replace("_", " ").capitalize()


def _readable(name: str, value: Any, names: dict[UUID, str]) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        is_money = name in _MONEY or name.endswith("_amount")
        return money_text(value, current_organization.currency) if is_money else str(value)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items()) or "none"
    return _WORDS.get((name, value)) or _word(str(value), names)


def _word(text: str, names: dict[UUID, str]) -> str:
    if trail.is_id(text):
        return names.get(UUID(text), text)
    if _DIGEST.fullmatch(text):
        return text[:12]
    try:
        if _DAY.fullmatch(text):
            return date_text(date.fromisoformat(text))
        if _MOMENT.fullmatch(text):
            return moment_text(datetime.fromisoformat(text))
    except ValueError:
        return text
    return text
