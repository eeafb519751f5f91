"""Writes a message as text and as HTML, from one pair of templates for every occasion."""

from jinja2 import Environment

from webapp.domain.notifications.messages import Message, Stationery


class MailWriter:
    def __init__(self, paper: Environment) -> None:
        self._text = paper.get_template("mail/message.txt")
        self._html = paper.get_template("mail/message.html")

    def write(self, message: Message, on: Stationery) -> tuple[str, str]:
        facts = {
            "message": message,
            "organization_name": on.organization_name,
            "reply_to": on.reply_to,
            "language": on.language,
            "locale": on.locale,
            "currency": on.currency,
            "test_mode": on.specimen,
        }
        return self._text.render(facts), self._html.render(facts)
