"""What a browser reads from a page."""

from collections.abc import Callable
from typing import Any

import html5lib

CONTROLS = ("input", "textarea", "select")


def filled(page: str, wanted: Callable[[Any], bool]) -> dict[str, str]:
    """What a browser would send of the one form that is `wanted` if nobody touched it."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    [form] = [form for form in tree.iter("form") if wanted(form)]
    controls = [control for control in form.iter() if control.tag in CONTROLS and control.get("name")]
    return {control.get("name"): _value(control) for control in controls if _is_sent(control)}


def _is_sent(control: Any) -> bool:
    return control.get("type") not in ("radio", "checkbox") or control.get("checked") is not None


def _value(control: Any) -> str:
    if control.tag == "select":
        options = list(control.iter("option"))
        chosen = next((option for option in options if option.get("selected") is not None), options[0])
        return str(chosen.get("value", ""))
    return str((control.text or "") if control.tag == "textarea" else control.get("value", ""))
