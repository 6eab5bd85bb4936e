import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "../api/client.js";
import { moment } from "../format.js";
import { printers, projects } from "../state/store.js";
import { attempt } from "../state/toasts.js";
import { Button } from "./button.js";
import { Skeletons } from "./notice.js";

/** @import { AuditEntry } from "../api/types.js" */

const PAGE = 50;
const KINDS = /** @type {Record<string, string>} */ ({ token: "token", session: "page", slicer: "slicer", system: "system" });

/** Who did what, newest first. */
export function AuditTrail() {
  const [entries, setEntries] = useState(/** @type {AuditEntry[] | null} */ (null));
  const [next, setNext] = useState(/** @type {string | null} */ (null));
  const [only, setOnly] = useState(/** @type {{ actor?: string, object?: string, label: string } | null} */ (null));
  /** @param {string | null} cursor */
  const load = async (cursor) => {
    const page = await attempt(get("/audit", { actor: only?.actor, object: only?.object, cursor, limit: PAGE }));
    if (!page) return;
    setEntries((before) => [...(cursor ? (before ?? []) : []), ...page.items]);
    setNext(page.next);
  };
  useEffect(() => {
    load(null);
  }, [only]);
  return html`<section aria-label="Audit trail">
    <div class="section-head">
      <p class="faint">Every change, and every file that came: by whom, from where.</p>
      <div class="actions">
        ${only && html`<${Button} small icon="close" onClick=${() => setOnly(null)}>Only ${only.label}<//>`}
        <${Button} small icon="refresh" onClick=${() => load(null)}>Refresh<//>
      </div>
    </div>
    ${entries === null && html`<${Skeletons} count=${6} kind="row" />`}
    <ul class="card table">
      ${entries?.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} onOnly=${setOnly} />`)}
      ${entries?.length === 0 && html`<li class="faint">Nothing yet.</li>`}
    </ul>
    ${next && html`<p class="more-rows"><${Button} onClick=${() => load(next)}>Show more<//></p>`}
  </section>`;
}

/** @param {{ entry: AuditEntry, onOnly: (only: { actor?: string, object?: string, label: string }) => void }} props */
function Entry({ entry, onOnly }) {
  const { actor, object } = entry;
  const by = actor.name || KINDS[actor.kind] || actor.kind;
  return html`<li class="audit-row">
    <time class="faint" datetime=${entry.at}>${moment(entry.at)}</time>
    <div>
      <b>${entry.action.replace(/[._]/g, " ")}</b>${" "}
      ${object?.name && html`<button type="button" class="as-link" onClick=${() => onOnly({ object: object.id, label: object.name ?? "" })}>${object.name}</button>`}
      <small class="faint break">${changesText(entry.changes)}</small>
    </div>
    <div class="audit-who">
      <button type="button" class="as-link" onClick=${() => onOnly({ actor: actor.name, label: by })}>${by}</button>
      <small class="faint">${[KINDS[actor.kind] ?? actor.kind, entry.address].filter(Boolean).join(", ")}</small>
    </div>
  </li>`;
}

const ID = /^[0-9a-f]{32}$/;

/** A value for people; an id only where it has a name. @param {any} value @returns {string} */
function valueText(value) {
  if (value === null || value === "" || (Array.isArray(value) && !value.length)) return "none";
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value === "object") return Object.entries(value).filter(([, part]) => part !== null).map(([name, part]) => `${name} ${part}`).join(", ");
  if (ID.test(value)) return projects.find(value)?.name ?? printers.find(value)?.name ?? "…";
  return String(value);
}

/** @param {Record<string, any>} changes */
function changesText(changes) {
  return Object.entries(changes ?? {})
    .filter(([, value]) => !ID.test(value))
    .map(([name, value]) => {
      const changed = value && typeof value === "object" && "to" in value;
      return `${name.replace(/_id$/, "").replaceAll("_", " ")}: ${changed ? `${valueText(value.from)} → ${valueText(value.to)}` : valueText(value)}`;
    })
    .join("; ");
}
