import { html } from "../html.js";

/** A state in a word. @param {{ tone: string, children?: any }} props */
export function Pill({ tone, children }) {
  return html`<span class="pill ${tone}"><i aria-hidden="true"></i>${children}</span>`;
}
