import { html } from "../html.js";
import { tagsOf } from "../file.js";
import { Field, valueOf } from "./field.js";
import { ProjectSelect } from "./project-select.js";

/** @typedef {{ project_id: string | null, tags: string, notes: string }} Filing */

/** @type {Filing} */
export const NO_FILING = { project_id: null, tags: "", notes: "" };

/** Project, tags and notes of a file; tells what changed, for a project may come while something else is typed. @param {{ filing: Filing, onChange: (change: Partial<Filing>) => void }} props */
export function FilingFields({ filing, onChange }) {
  return html`<${Field} label="Project" optional>
      <${ProjectSelect} value=${filing.project_id} onChange=${(/** @type {string | null} */ id) => onChange({ project_id: id })} />
    <//>
    <${Field} label="Tags" optional hint="Separated by commas.">
      <input value=${filing.tags} onInput=${(/** @type {Event} */ event) => onChange({ tags: valueOf(event) })} />
    <//>
    <${Field} label="Notes" optional>
      <textarea rows="3" maxlength="10000" value=${filing.notes} onInput=${(/** @type {Event} */ event) => onChange({ notes: valueOf(event) })}></textarea>
    <//>`;
}

/** What the API is told. @param {Filing} filing */
export const filingBody = ({ project_id, tags, notes }) => ({ project_id, tags: tagsOf(tags), notes: notes.trim() });
