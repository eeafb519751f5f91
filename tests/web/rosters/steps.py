"""What people do with members and with files of them."""

import io
from pathlib import Path
from typing import Any

from tests import factories
from tests.web import reading
from webapp.core.db import db
from webapp.domain.organizations import Chapter, Member, MemberStatus

ROSTERS = Path(__file__).parents[2] / "data" / "rosters"


def a_member(chapter: Chapter, **changes: Any) -> Member:
    status = MemberStatus.here().first(MemberStatus.code == "undergraduate")
    return factories.make_member(chapter, status, **changes)


def send_file(client: Any, address: str, content: bytes, name: str = "roster.csv") -> Any:
    return client.post(address, data={"file": (io.BytesIO(content), name)}, follow_redirects=True)


def fields_of(text: str) -> dict[str, str]:
    return reading.filled(text, lambda form: form.get("action", "").endswith("/matching"))


def fresh(row: Any) -> Any:
    db.session.refresh(row)
    return row
