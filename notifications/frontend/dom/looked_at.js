// @ts-check
/** Whether any tab of this reader's browser is looked at: none disturbs who looks at one of them. */

const LOOKED_AT = "notifications:looked-at"; // a lock that visible tabs hold

/** Gives up the lock that this tab holds, or waits for. @type {(() => void) | undefined} */
let releaseLookedAt;

/** Say to the other tabs whether this one is looked at. */
export function tellWhetherLookedAt() {
  releaseLookedAt?.();
  releaseLookedAt = undefined;
  const holdWhileLookedAt = () => {
    const isHeld = releaseLookedAt !== undefined; // a page may have two bells, and be shown again before the lock comes
    if (document.hidden || isHeld) return undefined;
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      releaseLookedAt = resolve;
    });
  };
  navigator.locks?.request(LOOKED_AT, { mode: "shared" }, holdWhileLookedAt);
}

/**
 * Whether this tab is the one to alert: the leading tab, while none is looked at.
 *
 * @param {{isLeading: boolean}} connection
 */
export async function isAlerting({ isLeading }) {
  const locks = await navigator.locks?.query();
  if (!isLeading || !locks?.held) return false;
  return locks.held.every(({ name }) => name !== LOOKED_AT);
}
