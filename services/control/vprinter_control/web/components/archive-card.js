import { html } from "../html.js";
import { date, plural } from "../format.js";
import { Icon } from "./icon.js";
import { FileFacts } from "./file-facts.js";
import { PlatePicture } from "./plate-picture.js";

/** @import { FileItem } from "../api/types.js" */

/** @param {{ file: FileItem }} props */
export function ArchiveCard({ file }) {
  const [plate] = file.plates;
  const warned = (file.warnings?.length ?? 0) > 0 || file.reader_error;
  return html`<a class="card archive-card" href="/archive/${file.id}">
    <div class="archive-picture">
      <${PlatePicture} kind="archive" id=${file.id} plate=${plate?.index} has=${Boolean(plate) && plate.thumbnail !== false} />
      ${file.plates.length > 1 && html`<span class="badge">${plural(file.plates.length, "plate")}</span>`}
      ${warned && html`<span class="badge warn" title="Something to look at"><${Icon} name="alert" label="Something to look at" /></span>`}
    </div>
    <div class="archive-text">
      <h2 class="clip" title=${file.title || file.name}>${file.title || file.name}</h2>
      <${FileFacts} file=${file} short />
      <p class="faint clip">${date(file.received_at)}${file.owner && `, ${file.owner}`}</p>
    </div>
  </a>`;
}
