import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { plateName } from "../file.js";
import { duration, grams, plural } from "../format.js";
import { may } from "../state/session.js";
import { Button } from "./button.js";
import { Swatch } from "./filaments.js";
import { PlatePicture } from "./plate-picture.js";

/** @import { FileItem, Plate } from "../api/types.js" */

/** The plates of a file, one at a time. @param {{ file: FileItem, onEnqueue: (plates: number[]) => unknown }} props */
export function PlateViewer({ file, onEnqueue }) {
  const [at, setAt] = useState(0);
  const plate = file.plates[at];
  if (!plate) return html`<div class="viewer"><${PlatePicture} kind="archive" id=${file.id} has=${false} /></div>`;
  return html`<section class="viewer" aria-label="Plates">
    <${PlatePicture} key=${plate.index} kind="archive" id=${file.id} plate=${plate.index} has=${plate.thumbnail !== false} label=${plateName(plate)} />
    ${file.plates.length > 1 &&
    html`<div class="thumbs" role="group" aria-label="Choose a plate">
      ${file.plates.map(
        (other, index) => html`<button type="button" key=${other.index} aria-pressed=${index === at} aria-label=${plateName(other)} onClick=${() => setAt(index)}>
          <${PlatePicture} kind="archive" id=${file.id} plate=${other.index} has=${other.thumbnail !== false} />
        </button>`,
      )}
    </div>`}
    <div class="viewer-head">
      <h3>${plateName(plate)}</h3>
      ${file.plates.length > 1 && html`<${Button} small icon="queue" disabled=${!may("queue")} onClick=${() => onEnqueue([plate.index])}>Queue this plate<//>`}
    </div>
    <${PlateFacts} plate=${plate} />
  </section>`;
}

/** @param {{ plate: Plate }} props */
function PlateFacts({ plate }) {
  const facts = [
    ["Time", duration(plate.seconds)],
    ["Filament", grams(plate.grams)],
    ["Layers", plate.layers],
    ["Height", plate.height_mm && `${plate.height_mm} mm`],
    ["Nozzle", plate.nozzle_mm && `${plate.nozzle_mm} mm`],
    ["Bed", plate.bed_type],
  ].filter(([, value]) => value);
  return html`<dl class="metadata tight">
      ${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
    ${(plate.filaments?.length ?? 0) > 0 &&
    html`<ul class="filament-list">
      ${plate.filaments?.map(
        (filament) => html`<li>
          <${Swatch} color=${filament.color} /><span>${filament.type ?? "Unknown material"}</span>
          <span class="mono faint">${filament.color}</span><span class="spring"></span>
          <span>${grams(filament.grams)}</span>
          <span class="faint">${filament.metres ? `${filament.metres.toFixed(1)} m` : ""}</span>
        </li>`,
      )}
    </ul>`}
    ${(plate.objects?.length ?? 0) > 0 &&
    html`<details class="objects">
      <summary>${plural(plate.objects?.length ?? 0, "object")}</summary>
      <p>${plate.objects?.join(", ")}</p>
    </details>`}`;
}
