import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { ROOT } from "../api/client.js";
import { Icon } from "./icon.js";

/**
 * The slicer's picture of a plate, lying on a bed. Its room is kept while it is being fetched and when there is none.
 * @param {{ kind: "archive" | "pending", id: string, plate?: number, has?: boolean, label?: string }} props
 */
export function PlatePicture({ kind, id, plate = 1, has = true, label = "" }) {
  const [missing, setMissing] = useState(false);
  const source = `${ROOT}/${kind}/${id}/plates/${plate}/thumbnail`;
  return html`<span class="bed">
    ${has && !missing
      ? html`<img src=${source} alt=${label} loading="lazy" decoding="async" onError=${() => setMissing(true)} />`
      : html`<${Icon} name="layers" />`}
  </span>`;
}
