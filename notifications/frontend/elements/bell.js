// @ts-check
/** <notification-bell>: the count, in badge, name and title, and a panel. */

import { isLoggedOut } from "../connection/http.js";
import { fetchPart } from "../dom/fetch_part.js";
import { formatCount } from "../dom/format.js";
import { allowByNonce, findStyles, showLogin } from "../dom/links.js";
import { findPart, needPart, setPart } from "../dom/parts.js";
import { LiveElement } from "./live_element.js";

/** @import { NotificationList } from "./list.js" */

const LEAST_HEIGHT_PX = 480; // in a lower window, such as one at 400 %, the panel would hide all and show no item
const MOST_SHOWN = 99;
const MOST_TITLES = 100;
const MOST_RUNG = 3; // more at once are a storm
const RING_MS = 1000; // of which the style uses what it wants
const RING_GAP_MS = 5000; // what comes one by one, without end, is a storm as well

/** The page's own title, by the one that a bell has made of it. @type {Map<string, string>} */
const ownTitles = new Map();

/**
 * Put the count before the title that the page gives itself, also where something keeps titles and brings them back.
 *
 * @param {string} count
 */
function nameDocument(count) {
  const own = ownTitles.get(document.title) ?? document.title;
  const title = count ? `(${count}) ${own}` : own;
  if (title !== document.title) document.title = title;
  ownTitles.delete(title); // to be the latest
  ownTitles.set(title, own);
  for (const oldest of ownTitles.keys()) {
    if (ownTitles.size <= MOST_TITLES) break;
    ownTitles.delete(oldest);
  }
}

class Bell extends LiveElement {
  /** What the panel shows while there is no list in it. A site's own template may leave some out. */
  #skeleton = findPart(this, "skeleton");
  #failed = findPart(this, "panel__failed");
  #over = findPart(this, "panel__over");

  /** When it may ring again. */
  #ringsFromMs = 0;

  #titleObserver = new MutationObserver(() => this.showState());

  begin() {
    const bell = needPart(this, "bell");
    const panel = needPart(this, "panel");
    this.#titleObserver.observe(document.head, { childList: true, subtree: true, characterData: true });
    const { panelUrl } = bell.dataset;
    this.listen(this.store, "arrived", (/** @type {CustomEvent} */ { detail }) => this.#ring(detail.count));
    if (!panelUrl || !panel.togglePopover) return; // it stays a link
    const isOpen = () => panel.matches(":popover-open");
    let wasOpen = false; // when the pointer went down, which closes it
    bell.ariaExpanded = "false";
    this.listen(bell, "pointerdown", () => {
      wasOpen = isOpen();
    });
    this.listen(this, "click", (/** @type {MouseEvent} */ event) => {
      const link = /** @type {HTMLElement | null} */ (
        /** @type {Element} */ (event.target).closest("[data-panel-url]")
      );
      const isForNewTab = event.ctrlKey || event.metaKey || event.shiftKey;
      const hasNoRoom = link === bell && innerHeight < LEAST_HEIGHT_PX;
      if (!link || isForNewTab || hasNoRoom) return;
      event.preventDefault();
      if (link === bell) panel.togglePopover(!wasOpen && !isOpen());
      else this.#load(panel, link.dataset.panelUrl ?? "");
      wasOpen = false;
    });
    this.listen(panel, "toggle", () => {
      const list = /** @type {NotificationList | null} */ (findPart(panel, "centre"));
      bell.ariaExpanded = `${isOpen()}`;
      if (!isOpen()) return;
      if (list) list.markSeen();
      else this.#load(panel, panelUrl);
    });
    this.listen(panel, "focusout", (/** @type {FocusEvent} */ { relatedTarget }) => {
      const next = /** @type {Node | null} */ (relatedTarget);
      if (next && !this.contains(next)) panel.hidePopover();
    });
  }

  /** What something keeps of the page holds nothing that was fetched, and its title no count. */
  end() {
    this.#titleObserver.disconnect();
    const states = [this.#skeleton, this.#failed, this.#over];
    needPart(this, "panel").replaceChildren(...states.filter((state) => state !== null));
    setTimeout(() => {
      const isLast = !findPart(document, "bell");
      if (isLast) nameDocument("");
    });
  }

  /**
   * Fetch a list into the panel.
   *
   * @param {HTMLElement} panel
   * @param {string} url
   */
  async #load(panel, url) {
    if (!findPart(panel, "tabs")) panel.replaceChildren(...(this.#skeleton ? [this.#skeleton] : []));
    const loading = import("../lists.js").then(() => true, console.warn);
    const [answer, isLoaded] = await Promise.all([fetchPart(this.session.reader, url), loading]);
    if (await isLoggedOut(answer)) this.store.setConnectionState("over");
    this.#fill(panel, isLoaded ? answer.page : null);
    if (this.matches(":focus-within")) return;
    panel.focus(); // a list without its style yet cannot be
    findPart(panel, "tabs [aria-current]")?.focus();
  }

  /**
   * @param {HTMLElement} panel
   * @param {Document | null} page without a list where one must log in
   */
  #fill(panel, page) {
    const list = page && findPart(page, "centre");
    const isOver = this.store.connectionState === "over";
    if (list && !isOver) {
      const links = findStyles(page);
      allowByNonce(links);
      panel.replaceChildren(...links, list);
    } else {
      const notice = (isOver && this.#over) || this.#failed;
      panel.replaceChildren(...(notice ? [notice] : []));
    }
    showLogin(panel, isOver);
  }

  /**
   * Ring for what has arrived, and not for a storm of it.
   *
   * @param {number} count
   */
  #ring(count) {
    const isStorm = count > MOST_RUNG || Date.now() < this.#ringsFromMs;
    this.#ringsFromMs = Date.now() + RING_GAP_MS;
    if (isStorm) return;
    this.setAttribute("data-ringing", "");
    setTimeout(() => this.removeAttribute("data-ringing"), RING_MS);
  }

  showState() {
    const { unread, connectionState } = this.store;
    const { labelNone, labelSome = "", countMany, labelOffline = "", labelOver = "" } = this.dataset;
    const labels = new Map(Object.entries({ offline: labelOffline, over: labelOver }));
    this.dataset.connection = connectionState;
    setPart(this, "bell", { title: labels.get(connectionState) ?? "" });
    const count = unread > MOST_SHOWN ? (countMany ?? "") : formatCount("{count}", unread);
    setPart(this, "bell__badge", { textContent: count });
    setPart(this, "bell", { ariaLabel: formatCount(labelSome, unread) || labelNone });
    nameDocument(count);
  }
}

customElements.define("notification-bell", Bell);
