import { html } from "../html.js";
import { plateName, sender } from "../file.js";
import { ago, moment } from "../format.js";
import { slicerName } from "../printer.js";
import { may } from "../state/session.js";
import { modelName, printerName } from "../state/store.js";
import { Button } from "./button.js";
import { FileFacts, FileWarnings } from "./file-facts.js";
import { Icon } from "./icon.js";
import { PlatePicture } from "./plate-picture.js";

/** @import { FileItem } from "../api/types.js" */

const SHOWN_PLATES = 4;

/**
 * An upload that waits for its review.
 * @param {{
 *   file: FileItem, selected: boolean, onSelect: (selected: boolean) => void,
 *   onApprove: (to: "archive" | "queue") => void, onDetails: () => void, onDiscard: () => void,
 * }} props
 */
export function PendingCard({ file, selected, onSelect, onApprove, onDetails, onDiscard }) {
  const locked = !may("files");
  return html`<article class="card pending" aria-label=${file.name}>
    <${Plates} file=${file} />
    <div class="pending-main">
      <header>
        <label class="pick">
          <input type="checkbox" checked=${selected} onChange=${() => onSelect(!selected)} />
          <span class="visually-hidden">Select ${file.name}</span>
        </label>
        <h2>${file.title || file.name}</h2>
      </header>
      <${FileFacts} file=${file} />
      <p class="from">
        <span><${Icon} name="user" />${sender(file)}</span>
        <span title=${moment(file.received_at)}>to ${printerName(file.virtual_printer_id)}, ${ago(file.received_at)}</span>
        ${file.sliced_for && html`<span>for ${file.sliced_for_name ?? modelName(file.sliced_for)}</span>`}
        ${file.slicer && html`<span>${slicerName(file.slicer)}</span>`}
        ${file.designer && html`<span>by ${file.designer}</span>`}
      </p>
      <${FileWarnings} file=${file} />
      <footer>
        <${Button} kind="primary" icon="archive" disabled=${locked} onClick=${() => onApprove("archive")}>To archive<//>
        <${Button} icon="queue" disabled=${locked} onClick=${() => onApprove("queue")}>To queue<//>
        <${Button} kind="quiet" icon="tag" disabled=${locked} onClick=${onDetails}>With details…<//>
        <span class="spring"></span>
        <${Button} kind="quiet danger-text" icon="trash" disabled=${locked} onClick=${onDiscard}>Discard<//>
      </footer>
    </div>
  </article>`;
}

/** @param {{ file: FileItem }} props */
function Plates({ file }) {
  const plates = file.plates.slice(0, file.plates.length > SHOWN_PLATES ? SHOWN_PLATES - 1 : SHOWN_PLATES);
  const more = file.plates.length - plates.length;
  if (!plates.length) return html`<div class="plates n1"><${PlatePicture} kind="pending" id=${file.id} has=${false} /></div>`;
  return html`<div class="plates n${Math.min(file.plates.length, SHOWN_PLATES)}">
    ${plates.map(
      (plate) => html`<${PlatePicture} key=${plate.index} kind="pending" id=${file.id} plate=${plate.index} has=${plate.thumbnail !== false} label=${plateName(plate)} />`,
    )}
    ${more > 0 && html`<span class="bed more">+${more}</span>`}
  </div>`;
}
