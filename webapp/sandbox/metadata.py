"""The notes a merchant keeps on an object."""

from webapp.sandbox.errors import InvalidRequest

MOST_KEYS, LONGEST_KEY, LONGEST_VALUE = 50, 40, 500


def merged(old: dict[str, str], new: dict[str, str] | str) -> dict[str, str]:
    """Keys are added or replaced; an empty value removes its key, an empty whole removes all."""
    if isinstance(new, str):
        return {}
    for key, value in new.items():
        if len(key) > LONGEST_KEY:
            raise InvalidRequest(
                f"Invalid metadata: key '{key}' is longer than {LONGEST_KEY} characters.",
                param=f"metadata[{key}]",
            )
        if len(value) > LONGEST_VALUE:
            raise InvalidRequest(
                f"Metadata values can have up to {LONGEST_VALUE} characters, but you passed in a value that "
                f"is {len(value)} characters.",
                param=f"metadata[{key}]",
            )
    notes = {key: value for key, value in (old | new).items() if value != ""}
    if len(notes) > MOST_KEYS:
        raise InvalidRequest(f"Metadata can have up to {MOST_KEYS} keys.", param="metadata")
    return notes
