import { html } from "../html.js";
import { sender } from "../file.js";
import { ago, size } from "../format.js";
import { printerName } from "../state/store.js";

/** @import { Upload } from "../api/types.js" */

/** An upload under way. @param {{ upload: Upload }} props */
export function UploadRow({ upload }) {
  const { received, size: whole } = upload;
  const known = whole !== null && whole > 0;
  const text = known ? `${size(received)} of ${size(whole)}` : size(received);
  return html`<li class="upload">
    <div class="upload-text">
      <b class="clip">${upload.filename}</b>
      <small class="faint">${sender(upload)} to ${printerName(upload.printer_id)}, ${ago(upload.started_at)}</small>
    </div>
    <span class="upload-size">${text}</span>
    <progress aria-label="Upload of ${upload.filename}" max=${known ? whole : null} value=${known ? received : null}></progress>
  </li>`;
}
