import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { EVERYTHING, archive } from "../state/archive.js";
import { models, printers, projects } from "../state/store.js";
import { Button } from "./button.js";
import { valueOf } from "./field.js";
import { Icon } from "./icon.js";
import { Options } from "./options.js";

const TYPING = 180;
const SORTS = [
  ["-received_at", "Newest first"],
  ["received_at", "Oldest first"],
  ["name", "Name"],
  ["-seconds", "Longest print"],
  ["seconds", "Shortest print"],
  ["-grams", "Most filament"],
  ["-size", "Largest file"],
];

/** Search, filters and order of the archive. */
export function ArchiveFilters() {
  const filters = archive.filters.value;
  const [text, setText] = useState(filters.q);
  useEffect(() => setText(filters.q), [filters.q]);
  useEffect(() => {
    if (text === archive.filters.peek().q) return;
    const timer = setTimeout(() => archive.filter({ q: text.trim() }), TYPING);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<div class="filters" role="search">
    <label class="search">
      <${Icon} name="search" />
      <input
        type="search"
        placeholder="Search names, designers, filaments, tags…"
        aria-label="Search the archive"
        maxlength="100"
        value=${text}
        onInput=${(/** @type {Event} */ event) => setText(valueOf(event))}
      />
    </label>
    <${Filter} name="project" label="Project" any="All projects" options=${projects.items.value ?? []} />
    <${Filter} name="printer" label="Printer" any="All printers" options=${printers.items.value ?? []} />
    <${Filter} name="model" label="Sliced for" any="All models" options=${models.value.map(({ code, name }) => ({ id: code, name }))} />
    <select aria-label="Order" value=${filters.sort} onChange=${(/** @type {Event} */ event) => archive.filter({ sort: valueOf(event) })}>
      ${SORTS.map(([value, label]) => html`<option value=${value}>${label}</option>`)}
    </select>
    ${archive.narrowed && html`<${Button} kind="quiet" icon="close" onClick=${() => archive.filter({ ...EVERYTHING, sort: filters.sort })}>Clear<//>`}
  </div>`;
}

/** @param {{ name: "project" | "printer" | "model", label: string, any: string, options: { id: string, name: string }[] }} props */
function Filter({ name, label, any, options }) {
  const value = archive.filters.value[name];
  return html`<select class=${value ? "set" : ""} aria-label=${label} value=${value} onChange=${(/** @type {Event} */ event) => archive.filter({ [name]: valueOf(event) })}>
    <${Options} options=${[{ id: "", name: any }, ...options]} value=${value} />
  </select>`;
}
