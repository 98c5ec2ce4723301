"""Ask axe-core what is wrong with a page as it stands: WCAG 2.2 AA, and the best practices beyond it.

axe comes from npm (package.json). It enters the page through the browser's debugging protocol, which the page's content
security policy does not concern; so the policy stays as it is.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from playwright.async_api import Page

from .shell import ROOT

__all__ = ["violations"]

SOURCE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
OPTIONS: Final[dict[str, Any]] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # 24 px; off by default, as it is new in WCAG 2.2
    # Our ::before and ::after are bars and dots beside a text, never the ground under it.
    "checks": {"color-contrast": {"options": {"ignorePseudo": True}}},
    "resultTypes": ["violations", "incomplete"],
}
# Reading `section.ariaLabelledByElements` crashes Firefox 153 on some pages. Ours name elements by attributes alone.
WITHOUT_REFLECTION: Final = """
for (const name of Object.keys(Element.prototype)) {
  if (/^aria\\w+Elements?$/.test(name)) delete Element.prototype[name];
}
"""
# Each finding says where to look.
RUN: Final = """
async ([options, ignored, isStrict]) => {
  const { violations, incomplete } = await axe.run({ exclude: ignored }, options);
  const above = ":popover-open, dialog[open], .notification-undo:not([hidden]), .notification-arrived:not([hidden])";
  const isCovered = document.querySelector(above);
  const undecided = incomplete.filter(({ id }) => isStrict && !isCovered && id === "color-contrast");
  return [...violations, ...undecided].flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id} at ${target.join(" ")}: ${failureSummary.split("\\n").slice(1).join(";").trim()}`));
}
"""


async def violations(page: Page, *, ignored: tuple[str, ...] = (), is_strict: bool = True) -> list[str]:
    """Return what axe finds, a line for each element.

    Args:
        ignored: selectors of elements that are left out.
        is_strict: whether a contrast that axe cannot tell counts: nobody else looks at it.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(source())
    found: list[str] = await page.evaluate(RUN, [OPTIONS, [[selector] for selector in ignored], is_strict])
    return found


@cache
def source() -> str:
    """Return axe's script, or say how to get it."""
    assert SOURCE.exists(), f"{SOURCE} is missing. Install it: npm install --no-package-lock"
    return WITHOUT_REFLECTION + SOURCE.read_text() + "\n;0"  # a value that the protocol can carry
