"""The organization and its people: chapters, members, logins and what each may do."""

from webapp.domain.organizations.authenticator_app import AuthenticatorApp
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.drafts import Draft
from webapp.domain.organizations.invitations import Invitation
from webapp.domain.organizations.login import Login, LoginKind
from webapp.domain.organizations.member import Member, MemberStatus, PledgeClass
from webapp.domain.organizations.organization import Organization, PaperSize, Vocabulary, local_day
from webapp.domain.organizations.passkeys import Passkey, PasskeyChallenge
from webapp.domain.organizations.recovery_codes import RecoveryCode
from webapp.domain.organizations.roles import Role, RoleName
from webapp.domain.organizations.roster import (
    ColumnMapping,
    ImportState,
    RosterImport,
    RosterImportRow,
    RowOutcome,
    UndoOutcome,
)
from webapp.domain.organizations.saved_views import SavedView
from webapp.domain.organizations.sessions import LoginSession
from webapp.domain.organizations.sign_in_links import SignInLink
from webapp.domain.organizations.tokens import ApiToken

__all__ = [
    "ApiToken",
    "AuthenticatorApp",
    "Chapter",
    "ColumnMapping",
    "Draft",
    "ImportState",
    "Invitation",
    "Login",
    "LoginKind",
    "LoginSession",
    "Member",
    "MemberStatus",
    "Organization",
    "PaperSize",
    "Passkey",
    "PasskeyChallenge",
    "PledgeClass",
    "RecoveryCode",
    "Role",
    "RoleName",
    "RosterImport",
    "RosterImportRow",
    "RowOutcome",
    "SavedView",
    "SignInLink",
    "UndoOutcome",
    "Vocabulary",
    "local_day",
]
