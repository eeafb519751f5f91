"""What we say to people about their way in."""

from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import (
    Invitation,
    Login,
    invitations,
    password_reset,
    sign_in_links,
)


def invitation(voice: Voice, invited: Invitation, url: str) -> Message:
    return Message(
        subject=f"You are invited to {voice.name}",
        title=f"You are invited to {voice.name}",
        greeting="Hello,",
        paragraphs=[
            f"{voice.name} keeps its dues with Duesbook and invites you as {invited.offer}.",
            f"The link works once, for {invitations.LASTS.days} days.",
        ],
        button=("Accept the invitation", url),
        afterwards=["If you did not expect this, you can ignore this mail. Nothing happens then."],
    )


def forgotten_password(login: Login, url: str) -> Message:
    hours = int(password_reset.LASTS.total_seconds() // 3600)
    return Message(
        subject="Choose a new password",
        title="Choose a new password",
        greeting=f"Hello {login.name},",
        paragraphs=[f"Somebody asked for a new password for this address. The link works for {hours} hours."],
        button=("Choose a new password", url),
        afterwards=["If it was not you, ignore this mail. Your password stays as it is."],
    )


def sign_in_link(login: Login, url: str) -> Message:
    minutes = int(sign_in_links.LASTS.total_seconds() // 60)
    return Message(
        subject="Your sign-in link",
        title="Your sign-in link",
        greeting=f"Hello {login.name},",
        paragraphs=[f"This link signs you in. It works once, for {minutes} minutes."],
        button=("Sign in", url),
        afterwards=["If you did not ask for it, ignore this mail, and don't pass the link on to anybody."],
    )


def no_sign_in_link(login: Login, url: str) -> Message:
    return Message(
        subject="Sign in with your password or passkey",
        title="Sign in with your password or passkey",
        greeting=f"Hello {login.name},",
        paragraphs=[
            "Somebody, most likely you, asked for a sign-in link. Your role lets you see other people's"
            " money, so a link alone does not sign you in."
        ],
        button=("Sign in", url),
        afterwards=["Forgot the password? The sign-in page mails you a link to choose a new one."],
    )


_HAPPENED = {
    "new_browser": (
        "You signed in from a new browser",
        "Somebody, most likely you, signed in to your login from a browser that was never used for it before."
        " Your account page shows which one, and from where.",
    ),
    "second_factor_changed": (
        "How you sign in was changed",
        "A passkey or an authenticator app was added to your login, or removed from it.",
    ),
    "second_factor_reset": (
        "Your second step was reset",
        "At your or your organization's wish, your passkeys, your authenticator app and your recovery codes"
        " are forgotten, and every browser is signed out. Sign in with your password to set them up again.",
    ),
}


def security_notice(login: Login, what: str, url: str) -> Message:
    """Something that whoever owns the login should know, in case it was not they who did it."""
    title, happened = _HAPPENED[what]
    return Message(
        subject=title,
        title=title,
        greeting=f"Hello {login.name},",
        paragraphs=[happened],
        button=("Look at your account", url),
        afterwards=["If you know nothing of it, change your password now and tell a national admin."],
    )
