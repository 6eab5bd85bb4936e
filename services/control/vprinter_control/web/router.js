// Where the page is: the address bar as a signal.
import { computed, signal } from "./vendor/signals.js";

const path = signal(location.pathname + location.search);

/** The parts of the path, and the query. */
export const place = computed(() => {
  const url = new URL(path.value, location.origin);
  return { parts: url.pathname.split("/").filter(Boolean), query: url.searchParams };
});

/** @param {string} target @param {{ replace?: boolean }} [options] */
export function go(target, { replace = false } = {}) {
  if (target === path.peek()) return;
  history[replace ? "replaceState" : "pushState"](null, "", target);
  path.value = target;
}

/** Follow links within the page without loading it again. */
export function followLinks() {
  addEventListener("popstate", () => {
    path.value = location.pathname + location.search;
  });
  addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = /** @type {Element} */ (event.target).closest?.("a[href]");
    if (!(anchor instanceof HTMLAnchorElement) || anchor.target || anchor.hasAttribute("download")) return;
    if (anchor.origin !== location.origin || anchor.pathname.startsWith("/api/") || anchor.hash) return;
    event.preventDefault();
    const [before] = place.peek().parts;
    go(anchor.pathname + anchor.search);
    if (place.peek().parts[0] !== before) arrive();
  });
}

/** Begin a page as a fresh document would: at the top, with the reader at its heading. */
function arrive() {
  scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector("h1")?.focus({ preventScroll: true }));
}
