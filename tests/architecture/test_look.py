"""The design system keeps its promises: readable colours, no inline code, icons that exist, little of it."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SHEETS = ["tokens", "base", "layout", "parts", "print"]

GROUNDS = ["paper", "surface", "sunken"]
TONES = ["good", "warn", "bad", "calm"]
TEXT = [
    *product(["ink", "ink-2", "ink-3"], GROUNDS),
    *product(["brand", *TONES], ["paper", "surface"]),
    *((tone, f"{tone}-soft") for tone in ["brand", *TONES]),
    *(("ink", f"{tone}-soft") for tone in TONES),
    *product(["brand-ink"], ["brand", "brand-strong"]),
    *product(["danger-ink"], ["danger", "danger-strong"]),
    ("paper", "ink"),
    ("ink", "mark"),
]
SHAPES = list(product(["edge", "focus"], GROUNDS))


def palette(scheme: str) -> dict[str, str]:
    light, dark = (ROOT / "static/css/tokens.css").read_text().split("@media screen")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return colours if scheme == "light" else colours | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_colour_can_be_read_on_every_ground_it_stands_on(scheme: str) -> None:
    colours = palette(scheme)
    faint = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_borders_of_controls_and_the_focus_ring_can_be_seen(scheme: str) -> None:
    colours = palette(scheme)
    faint = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SHAPES}
    assert {pair: ratio for pair, ratio in faint.items() if ratio < 3} == {}


def test_no_template_holds_inline_code_or_styles() -> None:
    attribute = r"""\s(?:style|on[a-z]+|hx-on[\w:-]*)\s*=\s*["']"""
    inline = re.compile(attribute + r"""|<script(?![^>]*\ssrc=)|javascript:|["']js:""")
    offenders = [str(page.relative_to(ROOT)) for page in TEMPLATES if inline.search(page.read_text())]
    assert offenders == []


def test_every_layout_macro_file_and_partial_names_what_it_needs() -> None:
    shared = [page for page in TEMPLATES if page.parent.name in {"layouts", "shared", "errors"}]
    silent = [page.name for page in shared if "needs:" not in page.read_text().split("{%")[0]]
    assert silent == []


def test_every_icon_that_a_template_shows_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/icons.svg").read_text()))
    shown = re.compile(r"""\bicon\(["']([\w-]+)["']""")
    assert {name for page in TEMPLATES for name in shown.findall(page.read_text())} - drawn == set()


def test_the_stylesheets_of_a_page_stay_small() -> None:
    size = sum((ROOT / f"static/css/{sheet}.css").stat().st_size for sheet in SHEETS)
    assert size < 40_000
