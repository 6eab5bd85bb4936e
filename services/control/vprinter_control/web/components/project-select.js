import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { post } from "../api/client.js";
import { projects } from "../state/store.js";
import { attempt } from "../state/toasts.js";
import { Button } from "./button.js";
import { valueOf } from "./field.js";
import { Options } from "./options.js";

const NEW = "new";

/**
 * Picks a project, or makes one.
 * @param {{ value: string | null, onChange: (id: string | null) => void, [name: string]: any }} props
 */
export function ProjectSelect({ value, onChange, ...rest }) {
  const [name, setName] = useState(/** @type {string | null} */ (null));
  /** @param {Event} event */
  const pick = (event) => {
    const picked = valueOf(event);
    if (picked === NEW) setName("");
    else onChange(picked || null);
  };
  const create = async () => {
    const made = await attempt(post("/projects", { name: name?.trim() }));
    if (!made) return;
    projects.put(made);
    onChange(made.id);
    setName(null);
  };
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") setName(null);
    else if (name?.trim()) create();
  };
  if (name !== null) {
    return html`<div class="inline-form">
      <input placeholder="Name of the new project" maxlength="100" value=${name} autofocus ...${rest} onInput=${(/** @type {Event} */ event) => setName(valueOf(event))} onKeyDown=${onKey} />
      <${Button} onClick=${create} disabled=${!name.trim()}>Create<//>
      <${Button} kind="quiet" onClick=${() => setName(null)}>Cancel<//>
    </div>`;
  }
  const options = [{ id: "", name: "None" }, ...(projects.items.value ?? []), { id: NEW, name: "New project…" }];
  return html`<select value=${value ?? ""} onChange=${pick} ...${rest}><${Options} options=${options} value=${value} /></select>`;
}
