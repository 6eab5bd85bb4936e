import { html } from "../html.js";

/** An icon of the sprite. Without a label it is decoration. @param {{ name: string, label?: string }} props */
export function Icon({ name, label }) {
  const hidden = label ? {} : { "aria-hidden": "true" };
  return html`<svg class="icon" role=${label ? "img" : null} aria-label=${label} ...${hidden} focusable="false">
    <use href="${document.body.dataset.static}/icons.svg#${name}" />
  </svg>`;
}
