"""What the tests of accessibility ask a page, in its own language."""

from __future__ import annotations

from typing import Final

__all__ = ["FAULTS", "FOCUSED", "MOVING", "OVERHANG", "START_AT_TOP", "TAB_STOPS", "TURN"]

# What fades over to the other theme arrives there at once.
TURN: Final = """
(direction) => {
  document.documentElement.dir = direction;
  for (const animation of document.getAnimations()) {
    if (animation instanceof CSSTransition) animation.finish();
  }
}
"""
# The largest overhang, and what hangs over. What is clipped on purpose, for screen readers only, does not count.
OVERHANG: Final = """
() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const outside = [...document.body.querySelectorAll("*")].filter((element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width > 1 && (left < -1 || right > clientWidth + 1);
  });
  return [`scrolls sideways by ${scrollWidth - clientWidth} px: ${outside.map((each) => each.className || each.tagName)}`];
}
"""
# What Tab is to stop at.
TAB_STOPS: Final = """
() => {
  const stops = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  return [...stops].filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled
    && each.tabIndex >= 0 && each.type !== "hidden" && !each.closest("[inert]"))
    .map((each) => `${each.tagName} ${each.className} ${each.textContent.trim().slice(0, 40)}`);
}
"""
# The browser looks for the next stop from where the focus was last, or where it stood that has gone.
START_AT_TOP: Final = """
() => {
  const start = document.createElement("i");
  start.tabIndex = -1;
  document.body.prepend(start);
  start.focus();
  start.remove();
}
"""
# Where the focus is, and what is wrong with how it shows.
FOCUSED: Final = """
() => {
  const each = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(each);
  const { left, top, width, height } = each.getBoundingClientRect();
  const [x, y] = [left + Math.min(width, innerWidth) / 2, top + height / 2];
  const shown = document.elementFromPoint(x, y);
  const name = `${each.tagName} ${each.className} ${each.textContent.trim().slice(0, 40)}`;
  const hasOutline = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  const problems = [
    !hasOutline && "no outline",
    !(shown && (each.contains(shown) || shown.contains(each) || shown.closest("label")?.contains(each))) && "hidden",
  ].filter(Boolean);
  return [name, problems.length ? `${name}: ${problems.join(", ")}` : ""];
}
"""
MOVING: Final = """
() => [...document.querySelectorAll("body *")].flatMap((each) => {
  const { animationName, transitionProperty, transitionDuration } = getComputedStyle(each);
  const longest = Math.max(...transitionDuration.split(", ").map(parseFloat));
  const glides = longest > 0.01 && !/^((\\w+-)*color|opacity|fill|stroke|none)(, ((\\w+-)*color|opacity|fill|stroke))*$/
    .test(transitionProperty);
  return animationName !== "none" || glides ? [`${each.className || each.tagName} moves`] : [];
})
"""
FAULTS: Final = """
() => {
  const plant = (style) => {
    const element = document.createElement("button");
    element.className = "planted";
    for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value, "important");
    document.querySelector("main").append(element);
    return element;
  };
  plant({ outline: "none" });
  plant({ color: "#999", background: "#aaa" }).textContent = "pale";
  for (const text of ["a", "b", "c"]) {
    plant({ width: "8px", height: "8px", padding: 0, "min-height": 0, font: "6px/1 serif" }).textContent = text;
  }
  plant({ position: "absolute", left: "0", top: "2000px", width: "3000px", transition: "left 1s" }).textContent = "wide";
}
"""
