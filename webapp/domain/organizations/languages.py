"""Languages that mail to members can be written in, by their ISO 639 code."""

from collections.abc import Sequence

from babel import Locale

from webapp.domain.organizations.organization import Organization

USUAL = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "uk", "zh", "ja", "ko", "vi", "fil")


def own(organization: Organization) -> str:
    """That of its pages, which everybody is written to in who has no other."""
    return organization.locale.split("_")[0]


def offered(organization: Organization) -> Sequence[str]:
    """The organization's own first."""
    return tuple(dict.fromkeys((own(organization), *USUAL)))


def name(language: str, organization: Organization) -> str:
    """As the organization's own language calls it."""
    return str(Locale.parse(language).get_display_name(organization.locale)).capitalize()


def locale_of(language: str, organization: Organization) -> str:
    """How amounts and days are written in it: as the organization does where it is its own language."""
    return organization.locale if language == own(organization) else language
