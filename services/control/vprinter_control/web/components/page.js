import { html } from "../html.js";
import { useEffect } from "../vendor/hooks.js";

/**
 * The frame of every page: heading, what it is for, and its actions.
 * @param {{ title: string, lead?: any, actions?: any, children?: any }} props
 */
export function Page({ title, lead, actions, children }) {
  useEffect(() => {
    document.title = `${title} · Virtual Printer`;
  }, [title]);
  return html`<div class="page">
    <header class="page-head">
      <div>
        <h1 tabindex="-1">${title}</h1>
        ${lead && html`<p class="lead">${lead}</p>`}
      </div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}
