"""The letter that says a member is in good standing: what stands on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from webapp.domain.notifications.letter import Letter, address_lines, letterhead
from webapp.domain.organizations import Member, Organization


@dataclass(frozen=True, kw_only=True)
class StandingPaper(Letter):
    """Its number is the code by which anybody is told, at `address`, whether all of it is still so."""

    template: ClassVar[str] = "pdf/good_standing.html"
    design: ClassVar[int] = 1

    member: str
    because: str
    address: str

    @property
    def address_in_code(self) -> str:
        """Straight to the answer."""
        return f"{self.address}{self.number}"

    @property
    def file_name(self) -> str:
        return f"good-standing-{self.issued_on.isoformat()}.pdf"


def paper_of(
    stated: Mapping[str, str],
    member: Member,
    organization: Organization,
    *,
    code: str,
    address: str,
    test_mode: bool = False,
) -> StandingPaper:
    """As it was stated, however things are now."""
    words = organization.vocabulary
    sheet = letterhead(organization, test_mode=test_mode) | {"organization": stated["organization"]}
    return StandingPaper(
        **sheet,
        number=code,
        recipient=(stated["member"], *address_lines(member.address)),
        particulars=((f"{words.member} no.", stated["number"]), (words.chapter, stated["chapter"])),
        issued_on=date.fromisoformat(stated["on"]),
        member=stated["member"],
        because=stated["because"],
        address=address,
    )
