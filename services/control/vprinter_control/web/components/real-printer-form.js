import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { models } from "../state/store.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { Field, valueOf } from "./field.js";
import { ProblemNotice } from "./notice.js";
import { Options } from "./options.js";

/** @import { Discovered, RealPrinter } from "../api/types.js" */
/** @import { Problem } from "../api/problem.js" */

/**
 * @typedef {object} RealDraft
 * @property {string} name
 * @property {string} host
 * @property {string} access_code
 * @property {string} serial
 * @property {string} model
 */

/** @param {RealPrinter | null} printer @returns {RealDraft} */
export function realDraftOf(printer) {
  const { name = "", host = "", serial = "", model = "" } = printer ?? {};
  return { name, host, serial, model, access_code: "" };
}

/** What the API is told: what is given of a new printer, else what changed. @param {RealDraft} draft @param {RealPrinter | null} printer */
export function realBodyOf(draft, printer) {
  const before = realDraftOf(printer);
  const given = Object.entries(draft).map(([name, value]) => [name, value.trim()]);
  return Object.fromEntries(given.filter(([name, value]) => value && value !== before[/** @type {keyof RealDraft} */ (name)]));
}

/**
 * Add or edit a real printer.
 * @param {{
 *   printer: RealPrinter | null, start: RealDraft, problem: Problem | null,
 *   onClose: () => void, onSave: (draft: RealDraft) => Promise<void>, onDelete: () => void,
 * }} props
 */
export function RealPrinterForm({ printer, start, problem, onClose, onSave, onDelete }) {
  const [draft, setDraft] = useState(start);
  const [busy, setBusy] = useState(false);
  /** @param {keyof RealDraft} name */
  const input = (name) => (/** @type {Event} */ event) => setDraft((before) => ({ ...before, [name]: valueOf(event) }));
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    await onSave(draft);
    setBusy(false);
  };
  /** @param {Discovered} found */
  const pick = (found) => {
    setDraft((before) => ({ ...before, host: found.host, name: before.name || found.name }));
    /** @type {HTMLInputElement | null} */ (document.querySelector("dialog input[name=access_code]"))?.focus();
  };
  const unseen = problem !== null && ["printer_not_found", "proxy_away", "unknown_model"].includes(problem.code);
  const byHand = printer !== null || unseen;
  return html`<${Dialog} title=${printer ? `Edit ${printer.name}` : "Add a real printer"} onClose=${onClose} wide>
    <form onSubmit=${submit}>
      <div class="dialog-body form">
        <${ProblemNotice} problem=${problem} />
        ${!printer && html`<${Found} picked=${draft.host} onPick=${pick} />`}
        <div class="pair">
          <${Field} label="Address" hint="IPv4 address or DNS name. An address that changes is followed." error=${problem?.about("host")}>
            <input name="host" required maxlength="253" autocomplete="off" spellcheck=${false} value=${draft.host} onInput=${input("host")} />
          <//>
          <${Field} label="Access code" hint="At the printer: Settings, LAN only." error=${problem?.about("access_code")} optional=${printer !== null}>
            <input
              name="access_code"
              class="mono"
              required=${printer === null}
              minlength="8"
              maxlength="8"
              pattern="[A-Za-z0-9]{8}"
              title="8 letters or digits"
              autocomplete="off"
              spellcheck=${false}
              placeholder=${printer ? "unchanged" : null}
              value=${draft.access_code}
              onInput=${input("access_code")}
            />
          <//>
        </div>
        <${Field} label="Name" optional hint="Left out: what the printer calls itself." error=${problem?.about("name")}>
          <input name="name" maxlength="100" autocomplete="off" value=${draft.name} onInput=${input("name")} />
        <//>
        ${byHand &&
        html`<div class="pair">
          <${Field} label="Serial number" hint="At the printer: Settings, Device." error=${problem?.about("serial")}>
            <input name="serial" class="mono" maxlength="32" autocomplete="off" spellcheck=${false} value=${draft.serial} onInput=${input("serial")} />
          <//>
          <${Field} label="Model" error=${problem?.about("model")}>
            <select name="model" value=${draft.model} onChange=${input("model")}>
              <${Options} options=${[{ id: "", name: "As it says itself" }, ...models.value.map(({ code, name }) => ({ id: code, name }))]} value=${draft.model} />
            </select>
          <//>
        </div>`}
      </div>
      <footer>
        ${printer && html`<${Button} kind="quiet danger-text" icon="trash" onClick=${onDelete}>Forget<//><span class="spring"></span>`}
        <${Button} onClick=${onClose}>Cancel<//>
        <${Button} type="submit" kind="primary" disabled=${busy}>${busy ? "Looking…" : printer ? "Save" : "Add"}<//>
      </footer>
    </form>
  <//>`;
}

/** Printers that are heard on the network. @param {{ picked: string, onPick: (found: Discovered) => void }} props */
function Found({ picked, onPick }) {
  const [found, setFound] = useState(/** @type {Discovered[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  useEffect(() => {
    get("/printers/discovered").then(
      (page) => setFound(page.items),
      (error) => setProblem(asProblem(error)),
    );
  }, []);
  if (problem) return html`<p class="hint">${problem.message} ${problem.hint}</p>`;
  if (found === null) return html`<p class="hint" aria-busy="true">Listening for printers…</p>`;
  if (!found.length) return html`<p class="hint">No other printer is heard on the network: give its address.</p>`;
  return html`<fieldset class="modes">
    <legend>Heard on the network: pick one, type its code, done</legend>
    ${found.map(
      (one) => html`<label class="mode bare-mode" key=${one.serial}>
        <input type="radio" name="found" checked=${picked === one.host} onChange=${() => onPick(one)} />
        <span><b>${one.name}</b><small>${one.model_name} at ${one.host}${one.lan_mode ? "" : ": LAN mode is off, switch it on at the printer"}</small></span>
      </label>`,
    )}
  </fieldset>`;
}
