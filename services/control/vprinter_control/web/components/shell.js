import { html } from "../html.js";
import { link } from "../api/events.js";
import { session, signOut } from "../state/session.js";
import { pending, queue } from "../state/store.js";
import { uploads } from "../state/uploads.js";
import { Brand } from "./brand.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

const MAIN = [
  { name: "printers", label: "Printers", icon: "printer" },
  { name: "incoming", label: "Incoming", icon: "inbox", count: () => (pending.items.value?.length ?? 0) + uploads.items.value.length },
  { name: "archive", label: "Archive", icon: "archive" },
  { name: "queue", label: "Queue", icon: "queue", count: () => queue.items.value?.length ?? 0 },
];
export const SECONDARY = [
  { name: "set-up", label: "Set-up", icon: "plug", about: "Connect Bambu Studio or OrcaSlicer, step by step." },
  { name: "doctor", label: "Doctor", icon: "doctor", about: "Find out why something does not work." },
  { name: "settings", label: "Access", icon: "key", about: "Tokens, the certificate authority, and who did what." },
];
const LINK_TEXT = { live: "Live", connecting: "Connecting…", lost: "Connection lost" };

/** The frame around every page. @param {{ current: string, children?: any }} props */
export function Shell({ current, children }) {
  const inMore = SECONDARY.some((entry) => entry.name === current) || current === "more";
  return html`<a class="skip" href="#main">Skip to content</a>
    <div class="shell">
      <aside class="side">
        <a class="brand" href="/printers"><${Brand} />Virtual Printer</a>
        <nav aria-label="Pages">
          ${MAIN.map((entry) => html`<${NavLink} ...${entry} current=${current} />`)}
          <hr class="only-wide" />
          ${SECONDARY.map((entry) => html`<${NavLink} ...${entry} current=${current} wide />`)}
          <${NavLink} name="more" label="More" icon="more" current=${inMore ? "more" : ""} narrow />
        </nav>
        <footer class="only-wide">
          <${LinkState} />
          <a class="quiet-link" href="/api/docs" target="_blank" rel="noopener"><${Icon} name="book" />API</a>
          <div class="who">
            <span title=${session.value?.scopes.join(", ")}>${session.value?.name}</span>
            <${Button} small kind="quiet" icon="logout" label="Sign out" onClick=${signOut} />
          </div>
        </footer>
      </aside>
      <main id="main" tabindex="-1">
        ${link.value === "lost" &&
        html`<div class="lost" role="status">
          <${Icon} name="wifi-off" />The connection is lost. What you see may be out of date; it comes back by itself.
        </div>`}
        ${children}
      </main>
    </div>`;
}

/**
 * @param {{ name: string, label: string, icon: string, current: string, count?: () => number, wide?: boolean, narrow?: boolean }} props
 */
function NavLink({ name, label, icon, current, count, wide, narrow }) {
  const number = count?.() ?? 0;
  const classes = `nav-link${wide ? " only-wide" : ""}${narrow ? " only-narrow" : ""}`;
  return html`<a class=${classes} href="/${name}" aria-current=${current === name ? "page" : null}>
    <${Icon} name=${icon} /><span>${label}</span>
    ${number > 0 && html`<b class="count" aria-label="${number} waiting">${number > 99 ? "99+" : number}</b>`}
  </a>`;
}

/** Whether the page is up to date. */
export function LinkState() {
  return html`<span class="link-state ${link.value}"><i aria-hidden="true"></i>${LINK_TEXT[link.value]}</span>`;
}
