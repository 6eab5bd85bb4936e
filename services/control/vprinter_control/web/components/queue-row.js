import { html } from "../html.js";
import { ago } from "../format.js";
import { may } from "../state/session.js";
import { Button } from "./button.js";
import { Options } from "./options.js";
import { PlatePicture } from "./plate-picture.js";
import { Pill } from "./pill.js";

/** @import { QueueItem } from "../api/types.js" */

/**
 * @param {{ item: QueueItem, place: number, handle: any, assignees: { id: string, name: string }[], onHold: () => void, onAssign: (printer: string | null) => void, onRemove: () => void }} props
 */
export function QueueRow({ item, place, handle, assignees, onHold, onAssign, onRemove }) {
  const locked = !may("queue");
  const title = `${item.name}, plate ${item.plate}`;
  return html`<article class="card queue-row${item.hold ? " held" : ""}" aria-label=${title}>
    ${handle}
    <span class="place">${place}</span>
    <${PlatePicture} kind="archive" id=${item.archive_id} plate=${item.plate} />
    <div class="queue-text">
      <a class="clip" href="/archive/${item.archive_id}">${item.name}</a>
      <small class="faint">Plate ${item.plate}, added ${ago(item.created_at)}</small>
    </div>
    <div class="queue-state">
      ${item.hold && html`<${Pill} tone="warn">On hold<//>`}
      <${Assignee} item=${item} assignees=${assignees} onAssign=${onAssign} />
    </div>
    <div class="queue-actions">
      <${Button} small kind="quiet" icon=${item.hold ? "play" : "pause"} label="${item.hold ? "Release" : "Hold"} ${title}" disabled=${locked} onClick=${onHold} />
      <${Button} small kind="quiet" icon="trash" label="Remove ${title}" disabled=${locked} onClick=${onRemove} />
    </div>
  </article>`;
}

/** @param {{ item: QueueItem, assignees: { id: string, name: string }[], onAssign: (printer: string | null) => void }} props */
function Assignee({ item, assignees, onAssign }) {
  if (!assignees.length) return html`<span class="unassigned" title="Add a real printer under Printers to assign it to">Unassigned</span>`;
  return html`<select
    aria-label="Printer for ${item.name}, plate ${item.plate}"
    value=${item.printer_id ?? ""}
    disabled=${!may("queue")}
    onChange=${(/** @type {Event} */ event) => onAssign(/** @type {HTMLSelectElement} */ (event.target).value || null)}
  >
    <${Options} options=${[{ id: "", name: "Unassigned" }, ...assignees]} value=${item.printer_id} />
  </select>`;
}
