"""A passkey's challenge between our question and the browser's answer: kept in the database, its id in the
browser's own session, so an answer counts only from the browser that was asked."""

from uuid import UUID, uuid4

from flask import Response, session

WHO, NEW_PASSKEY = "challenge", "new_passkey"


def hand_out(purpose: str, challenge_id: UUID, options: str) -> Response:
    session[purpose] = str(challenge_id)
    return Response(options, content_type="application/json")


def spent(purpose: str) -> UUID:
    """The id of the challenge that this browser was given last; it won't be asked for again."""
    kept = session.pop(purpose, None)
    return UUID(kept) if kept else uuid4()
