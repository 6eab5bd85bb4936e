import { html } from "../html.js";
import { sender } from "../file.js";
import { moment, size } from "../format.js";
import { modeLabel, slicerName } from "../printer.js";
import { modelName, printerName } from "../state/store.js";

/** @import { FileItem, Mode } from "../api/types.js" */

/** Where a file comes from and what it is. @param {{ file: FileItem & { mode?: string } }} props */
export function FileMetadata({ file }) {
  const link = file.makerworld_url;
  const rows = [
    ["File", html`<span class="break">${file.filename}</span>`],
    ["Size", size(file.size)],
    ["Received", moment(file.received_at)],
    ["From", file.owner ? `${sender(file)} (${file.client})` : file.client],
    ["Sent to", `${printerName(file.virtual_printer_id)}${file.mode ? `, ${modeLabel(/** @type {Mode} */ (file.mode))}` : ""}`],
    ["Sliced for", file.sliced_for && (file.sliced_for_name ?? modelName(file.sliced_for))],
    ["Slicer", slicerName(file.slicer)],
    ["Designer", file.designer],
    ["MakerWorld", link && html`<a href=${link} target="_blank" rel="noopener noreferrer">Model page</a>`],
    ["Print asked for", file.job && `${file.job.plate ? `plate ${file.job.plate}, ` : ""}${moment(file.job.requested_at)}`],
    ["SHA-256", html`<span class="mono break">${file.sha256}</span>`],
  ].filter(([, value]) => value);
  return html`<section aria-label="About the file">
    <h3>About the file</h3>
    <dl class="metadata">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </section>`;
}
