import { html } from "../html.js";
import { printers } from "../state/store.js";
import { Field, valueOf } from "./field.js";
import { Options } from "./options.js";

/** Which printer a page is about; nothing to choose if there is one only. @param {{ id: string, onChange: (id: string) => void }} props */
export function PrinterSelect({ id, onChange }) {
  const items = printers.items.value ?? [];
  if (items.length < 2) return null;
  return html`<${Field} label="Printer">
    <select value=${id} onChange=${(/** @type {Event} */ event) => onChange(valueOf(event))}>
      <${Options} options=${items} value=${id} />
    </select>
  <//>`;
}
