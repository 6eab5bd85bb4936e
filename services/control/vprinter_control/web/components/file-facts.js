import { html } from "../html.js";
import { totalGrams, totalSeconds } from "../file.js";
import { duration, grams, plural, size } from "../format.js";
import { Swatches } from "./filaments.js";
import { Icon } from "./icon.js";

/** @import { FileItem } from "../api/types.js" */

/** Time, weight, plates and filaments in a line. @param {{ file: FileItem, short?: boolean }} props */
export function FileFacts({ file, short = false }) {
  const seconds = duration(totalSeconds(file));
  const weight = grams(totalGrams(file));
  return html`<p class="file-facts">
    ${seconds && html`<span title="Printing time"><${Icon} name="clock" />${seconds}</span>`}
    ${weight && html`<span title="Filament"><${Icon} name="weight" />${weight}</span>`}
    ${!short && html`<span><${Icon} name="layers" />${file.plates.length ? plural(file.plates.length, "plate") : "no plates"}</span>`}
    ${!short && html`<span>${size(file.size)}</span>`}
    <${Swatches} plates=${file.plates} names=${!short} />
  </p>`;
}

/** What to look at before printing. @param {{ file: FileItem }} props */
export function FileWarnings({ file }) {
  const warnings = [...(file.warnings ?? []).map((warning) => warning.text)];
  if (file.reader_error) warnings.push(`Its content could not be read: ${file.reader_error}`);
  const { exact = 0, likely = 0 } = file.duplicates ?? {};
  return html`${warnings.map((text) => html`<p class="file-warning"><${Icon} name="alert" />${text}</p>`)}
  ${exact > 0 && html`<p class="file-note"><${Icon} name="copy" />The same file is in the archive already (${exact}×).</p>`}
  ${exact === 0 && likely > 0 && html`<p class="file-note"><${Icon} name="copy" />${plural(likely, "other version")} of this project in the archive.</p>`}`;
}
