"""When members are reminded of what they owe, and in which words."""

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import reminder_texts
from webapp.domain.notifications.reminder_texts import (
    LONGEST_BUTTON,
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    PLACEHOLDERS,
    Wording,
)
from webapp.domain.organizations import languages
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer

TOPIC = "Reminders"

_CAN = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
_WORDS = {
    "language": f.text("ISO 639 code of the language", "es", least=2, most=3, pattern="^[a-z]{2,3}$"),
    "subject": f.text(
        "The subject, on one line; what the text can hold, but for the address of the page to pay",
        "Factura {number}: {amount}",
        least=1,
        most=LONGEST_SUBJECT,
    ),
    "text": f.text(
        f"Plain text, an empty line between paragraphs. Filled in: {_CAN}",
        "Hola {first_name}:\n\nLa factura {number} vence el {due_on}.",
        least=1,
        most=LONGEST_TEXT,
    ),
    "button": f.text("The button to the page to pay", "Ver y pagar", least=1, most=LONGEST_BUTTON),
}
_DAYS = f.whole("Days from the due date, negative before it", -7, least=-365, most=365)
TEXT = Shape("ReminderText", _WORDS)
STEP = Shape(
    "ReminderStep",
    {"days": _DAYS, "texts": f.list_of(TEXT, "The organization's own; without one the usual words stand")},
)
SEQUENCE = Shape("ReminderSequence", {"steps": f.list_of(STEP, "In the order of the days")})
_TEXT_SET = shape_in("ReminderTextSet", **{name: field.needed() for name, field in _WORDS.items()})
_STEP_SET = shape_in(
    "ReminderStepSet", days=_DAYS.needed(), texts=f.several(_TEXT_SET, "One for each language", most=20)
)
SEQUENCE_SET = shape_in(
    "ReminderSequenceSet", steps=f.several(_STEP_SET, "All steps there are to be", most=12).needed()
)
_PATH = "/organizations/<uuid:organization_id>/reminder-sequence/"


@operations.get(_PATH, summary="Read the reminder sequence", topic=TOPIC, gives=SEQUENCE, allowed=STAFF)
def read_reminder_sequence() -> Answer:
    """Each step goes out once per invoice, in the member's language or else the organization's."""
    return _told()


@operations.patch(
    _PATH,
    summary="Set the reminder sequence",
    topic=TOPIC,
    gives=SEQUENCE,
    takes=SEQUENCE_SET,
    allowed=ADMIN,
)
def set_reminder_sequence(body: Values) -> Answer:
    """Every step and text there is to be: what is left out is taken away. To remind nobody, set the dues
    settings' `reminder_days` to an empty list."""
    steps = {step["days"]: _by_language(step.get("texts", [])) for step in body["steps"]}
    if len(steps) != len(body["steps"]):
        raise Invalid(fields={"steps": "Give each number of days once."})
    with transaction():
        settings = DuesSettings.in_(g.organization).first(lock=True)
        assert settings is not None, "Every organization is founded with dues settings"
        settings.change(by=acting, reminder_days=sorted(steps))
        for days, texts in steps.items():
            _write(days, texts)
    return _told()


def _by_language(texts: list[Values]) -> dict[str, Wording]:
    found = {text["language"]: Wording(text["subject"], text["text"], text["button"]) for text in texts}
    if len(found) != len(texts):
        raise Invalid(fields={"steps": "Give each language once in a step."})
    if unknown := set(found) - set(languages.offered(g.organization)):
        raise Invalid(fields={"steps": f"Reminders can't be in “{min(unknown)}”."})
    return found


def _write(days: int, texts: dict[str, Wording]) -> None:
    for step, language in reminder_texts.written():
        if step == days and language not in texts:
            reminder_texts.forget(days, language, by=acting)
    for language, said in texts.items():
        try:
            reminder_texts.write(days, language, said, by=acting)
        except Invalid as refusal:
            name, sentence = next(iter(refusal.fields.items()))
            raise Invalid(fields={"steps": f"Day {days}, “{language}”, {name}: {sentence}"}) from refusal


def _told() -> Answer:
    texts = reminder_texts.written()
    steps = [
        {"days": days, "texts": [TEXT.tell(one) for (step, _), one in texts.items() if step == days]}
        for days in sorted(DuesSettings.of(g.organization).reminder_days)
    ]
    return {"steps": steps}
