"""What the tests of accessibility ask a page, in its own language."""

from __future__ import annotations

from typing import Final

__all__ = ["FAULTS", "FOCUSED", "MOVING", "OVERHANG", "START", "TAB_STOPS", "TURN"]

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
# What Tab is to stop at: within what has been opened, such as the bell's panel, or else in the whole page.
TAB_STOPS: Final = """
() => {
  const opened = document.querySelector("dialog[open], :popover-open:not([popover=manual])");
  const stops = (opened ?? document).querySelectorAll("a[href], button, input, select, summary, textarea, [tabindex='0']");
  return [...stops].filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled
    && each.tabIndex >= 0 && each.type !== "hidden")
    .map((each) => `${each.tagName} ${each.className} ${each.textContent.trim().slice(0, 40)}`);
}
"""
# From where the browser goes on with the first of them.
START: Final = """
() => {
  const start = document.querySelector("dialog[open], :popover-open:not([popover=manual])") ?? document.body;
  start.tabIndex = -1;
  start.focus();
}
"""
# Where the focus is, and what is wrong with how it shows.
FOCUSED: Final = """
() => {
  const each = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(each);
  const { left, top, right, bottom } = each.getBoundingClientRect();
  const middle = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2; // of what can be seen
  const shown = document.elementFromPoint(middle(left, right, innerWidth), middle(top, bottom, innerHeight));
  const name = `${each.tagName} ${each.className} ${each.textContent.trim().slice(0, 40)}`;
  const hasOutline = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
  const problems = [
    !hasOutline && "no outline",
    !(shown && (each.contains(shown) || shown.contains(each) || shown.closest("label")?.contains(each))) && "hidden",
  ].filter(Boolean);
  return [name, problems.length ? `${name}: ${problems.join(", ")}` : ""];
}
"""
# Colours may fade, and what was hidden may show. A clock without a hand, an animation of one step, is no motion either.
MOVING: Final = """
() => {
  const rulesOf = (owner) => [...owner.cssRules].flatMap((rule) => [rule, ...(rule.cssRules ? rulesOf(rule) : [])]);
  const rules = [...document.styleSheets].flatMap(rulesOf);
  const isMotion = /^(transform|translate|rotate|scale|inset|left|right|top|bottom|margin|padding|width|height|.*-size|all)/;
  const moving = rules.filter((rule) => rule instanceof CSSKeyframesRule && [...rule.cssRules]
    .some(({ style }) => [...style].some((property) => isMotion.test(property)))).map(({ name }) => name);
  const longest = (durations) => Math.max(...durations.split(", ").map(parseFloat));
  return [...document.querySelectorAll("body *")].filter((each) => {
    const { animationName, animationDuration, animationTimingFunction, transitionProperty, transitionDuration }
      = getComputedStyle(each);
    const isAnimated = animationName.split(", ").some((name) => moving.includes(name))
      && longest(animationDuration) > 0.01 && !animationTimingFunction.startsWith("steps(1");
    const glides = longest(transitionDuration) > 0.01 && transitionProperty.split(", ").some((it) => isMotion.test(it));
    return isAnimated || glides;
  }).map((each) => `${each.parentElement.className} > ${each.className || each.tagName} moves`);
}
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
