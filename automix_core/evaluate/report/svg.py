"""A matplotlib figure as SVG that stands inside a page, or as a PNG file.

Text stays text, in the page's own font, and every colour of the palette becomes a CSS variable,
so one drawing serves light, dark and print. The same figure always gives the same characters.
"""

from __future__ import annotations

import io
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from automix_core.evaluate.report.canvas import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["as_svg", "write_png"]

PNG_DPI = 160

_ID = re.compile(r' id="([^"]*)"')
_FILL = re.compile(r'fill="(#[0-9a-f]{6})"')
_STYLE = re.compile(r'style="[^"]*"')
_FONT = re.compile(r"font-family: [^;\"]*")


def as_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an `<svg>` element for the body of an HTML page.

    Args:
        figure: The figure.
        name: Prefix of all its ids, so that several pictures can stand on one page.
        alt: What it says, for those who cannot see it.
    """
    from matplotlib import rc_context

    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    body = text[text.index("</style>") + len("</style>\n </defs>") :]
    size = re.search(r'viewBox="([^"]*)"', text)
    box = size.group(1) if size else "0 0 100 100"
    body = _FILL.sub(r'style="fill: \1"', _own_ids(body, name))
    body = _STYLE.sub(_variables, body)
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(alt)}">\n{body}'


def write_png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG file."""
    figure.savefig(path, format="png", dpi=PNG_DPI, metadata={"Software": None})


def _own_ids(body: str, name: str) -> str:
    """Keep only the ids that something refers to, and make them this picture's own."""
    wanted = set(re.findall(r"url\(#([^)]+)\)", body)) | set(re.findall(r'href="#([^"]+)"', body))
    body = _ID.sub(lambda m: f' id="{name}-{m[1]}"' if m[1] in wanted else "", body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    return re.sub(r'xlink:href="#', f'href="#{name}-', body)


def _variables(style: re.Match[str]) -> str:
    text = _FONT.sub("font-family: inherit", style[0])
    for role, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{role})")
    return text
