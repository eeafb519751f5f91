"""Addresses in letters and mails: on the host that the settings name, never on one that a request brought."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from webapp.core import clock
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import (
    Chapter,
    Invitation,
    Login,
    Organization,
    SignInLink,
    invitations,
    password_reset,
    sign_in_links,
)
from webapp.domain.plans.plan import PaymentPlan


@dataclass(frozen=True)
class Links:
    """`host` is where people find Duesbook, such as `https://dues.example.org`."""

    host: str
    secret: str = field(repr=False)

    @property
    def domain(self) -> str:
        """The name part of the host: what mails come from and message ids end with."""
        return urlsplit(self.host).hostname or "localhost"

    def sign_in(self) -> str:
        return f"{self.host}/"

    def sign_in_link(self, link: SignInLink) -> str:
        return f"{self.host}/sign-in-links/{sign_in_links.token(link, self.secret)}"

    def account(self) -> str:
        return f"{self.host}/account/"

    def pay(self, organization: Organization, invoice: Invoice) -> str:
        return f"{self.host}/o/{organization.slug}/pay/{pay_link.token(invoice, self.secret)}"

    def standing_letters(self, organization: Organization) -> str:
        """Where the code of a letter of good standing is told; the code may follow."""
        return f"{self.host}/o/{organization.slug}/standing-letters/"

    def invitation(self, organization: Organization, invitation: Invitation) -> str:
        token = invitations.token(invitation, self.secret)
        return f"{self.host}/o/{organization.slug}/invitations/{token}"

    def approval(self, organization: Organization, approval_id: UUID) -> str:
        return f"{self.host}/o/{organization.slug}/approvals/{approval_id}"

    def payment_plan(self, organization: Organization, plan: PaymentPlan, *, to_member: bool) -> str:
        """On the member's own pages, or among the chapter's, where officers and national admins see it."""
        whose = "my" if to_member else f"chapters/{plan.chapter.code}"
        return f"{self.host}/o/{organization.slug}/{whose}/payment-plans/{plan.id}/"

    def chapter_health(self, organization: Organization, chapter: Chapter) -> str:
        return f"{self.host}/o/{organization.slug}/chapters/{chapter.code}/reports/health/"

    def payment_methods(self, organization: Organization) -> str:
        return f"{self.host}/o/{organization.slug}/my/payment-methods/"

    def password_reset(self, mail: Mail, login: Login) -> str:
        """Its two hours begin when the mail was written down, however long it waited for the mail server."""
        made_at = mail.created_at or clock.now()
        return f"{self.host}/password-reset/{password_reset.token(login, self.secret, at=made_at)}"
