import { html } from "../html.js";

/** A printer's build volume with nothing but its bed: the mark. */
export function Brand() {
  return html`<svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true" fill="none" stroke-linejoin="round" stroke-width="2.2">
    <path class="volume" d="M16 4 27 10v11.5L16 28 5 21.5V10zM5 10l11 6 11-6M16 16v12" stroke-dasharray="2.4 2.8" />
    <path class="bed" d="m5 21.5 11 6.5 11-6.5-11-6.5z" />
  </svg>`;
}
