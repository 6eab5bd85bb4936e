import { html } from "../html.js";
import { Icon } from "./icon.js";

const ICONS = { bad: "alert", warn: "alert", info: "info", good: "check" };

/**
 * Something to know, standing in the flow of the page.
 * @param {{ kind?: "bad" | "warn" | "info" | "good", title?: string, children?: any, live?: boolean }} props
 */
export function Notice({ kind = "info", title, children, live = false }) {
  return html`<div class="notice ${kind}" role=${live ? "alert" : null}>
    <${Icon} name=${ICONS[kind]} />
    <div>${title && html`<strong>${title}</strong>`}${children && html`<div>${children}</div>`}</div>
  </div>`;
}

/** Why something failed and what to do. @param {{ problem: import("../api/problem.js").Problem | null }} props */
export function ProblemNotice({ problem }) {
  if (!problem) return null;
  return html`<${Notice} kind="bad" title=${problem.message} live>${problem.hint}<//>`;
}

/**
 * A page or list without content, saying how content comes about.
 * @param {{ icon: string, title: string, children?: any }} props
 */
export function Empty({ icon, title, children }) {
  return html`<div class="empty">
    <div class="empty-mark"><${Icon} name=${icon} /></div>
    <h2>${title}</h2>
    ${children}
  </div>`;
}

/** Grey shapes in place of content that is being read. @param {{ count?: number, kind?: string }} props */
export function Skeletons({ count = 3, kind = "card" }) {
  return html`<div class="skeletons ${kind}" aria-busy="true" aria-label="Loading">
    ${Array.from({ length: count }, () => html`<div class="skeleton"></div>`)}
  </div>`;
}
