import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { MODES, bindKey, bindOf, freshCode } from "../printer.js";
import { models } from "../state/store.js";
import { AccessCodes } from "./access-codes.js";
import { BindSelect } from "./bind-select.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { Field, Switch, valueOf } from "./field.js";
import { Icon } from "./icon.js";
import { Notice, ProblemNotice } from "./notice.js";
import { Options } from "./options.js";
import { TargetFields } from "./target-fields.js";

/** @import { Allow, Mode, Printer, Relay } from "../api/types.js" */
/** @import { Problem } from "../api/problem.js" */

/**
 * @typedef {object} Draft
 * @property {string} name
 * @property {string} model
 * @property {Mode} mode
 * @property {boolean} enabled
 * @property {string} bind
 * @property {string} advertise
 * @property {string} access_code a new printer's first one
 * @property {string} target
 * @property {Allow} allow
 * @property {"terminate" | "passthrough"} ftp
 * @property {boolean} capture
 * @property {boolean} camera
 */

/** @param {Printer | null} printer @returns {Draft} */
export function draftOf(printer) {
  return {
    name: printer?.name ?? "",
    model: printer?.model ?? "BL-P001",
    mode: printer?.mode ?? "immediate",
    enabled: printer?.enabled ?? true,
    bind: printer ? bindKey(printer.bind) : "",
    advertise: printer?.advertise ?? "",
    access_code: printer ? "" : freshCode(),
    target: printer?.target ?? "",
    ...(printer?.relay ?? relayOf(printer?.mode ?? "immediate")),
  };
}

/** What passes if nobody says otherwise. @param {Mode} mode @returns {Relay} */
function relayOf(mode) {
  const proxy = mode === "proxy";
  return { allow: proxy ? "control" : "view", ftp: "terminate", capture: false, camera: proxy };
}

/** @param {Draft} draft @returns {Relay} */
const relayIn = ({ allow, ftp, capture, camera }) => ({ allow, ftp, capture, camera });

/** What the API is told: everything of a new printer, else what changed. @param {Draft} draft @param {Printer | null} printer */
export function bodyOf(draft, printer) {
  const proxy = draft.mode === "proxy";
  const whole = {
    name: draft.name.trim(),
    ...(proxy ? {} : { model: draft.model }),
    mode: draft.mode,
    enabled: draft.enabled,
    bind: bindOf(draft.bind || "any"),
    advertise: draft.advertise.trim() || null,
    ...(draft.target || printer?.target ? { target: draft.target || null } : {}),
    ...(draft.target ? { relay: relayIn(draft) } : {}),
  };
  if (!printer) return proxy ? whole : { ...whole, access_code: draft.access_code };
  const before = draftOf(printer);
  // A proxy shows the model of its target, not its own.
  const turned = proxy !== (printer.mode === "proxy");
  return Object.fromEntries(
    Object.entries(whole).filter(([name]) => {
      if (name === "relay") return JSON.stringify(relayIn(draft)) !== JSON.stringify(relayIn(before)) || turned || draft.target !== before.target;
      const key = /** @type {keyof Draft} */ (name);
      return draft[key] !== before[key] || (name === "model" && turned);
    }),
  );
}

/**
 * Create or edit a virtual printer.
 * @param {{
 *   printer: Printer | null, start: Draft, problem: Problem | null,
 *   onClose: () => void, onSave: (draft: Draft) => void, onDelete: () => void,
 * }} props
 */
export function PrinterForm({ printer, start, problem, onClose, onSave, onDelete }) {
  const [draft, setDraft] = useState(start);
  /** @param {Partial<Draft>} change */
  const change = (change) => setDraft((before) => ({ ...before, ...change }));
  /** @param {keyof Draft} name */
  const input = (name) => (/** @type {Event} */ event) => change({ [name]: valueOf(event) });
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    onSave(draft);
  };
  const proxy = draft.mode === "proxy";
  /** What passes through a proxy is not meant for a mirror, nor the other way round. @param {Mode} mode */
  const turn = (mode) => change(proxy === (mode === "proxy") ? { mode } : { mode, ...relayOf(mode) });
  const remodelled = !proxy && printer !== null && draft.model !== printer.model;
  return html`<${Dialog} title=${printer ? `Edit ${printer.name}` : "New virtual printer"} onClose=${onClose} wide>
    <form onSubmit=${submit}>
      <div class="dialog-body form">
        <${ProblemNotice} problem=${problem} />
        <div class="pair">
          <${Field} label="Name" hint="What slicers show in their list." error=${problem?.about("name")}>
            <input name="name" required maxlength="100" autocomplete="off" value=${draft.name} onInput=${input("name")} autofocus />
          <//>
          ${!proxy &&
          html`<${Field} label="Model" hint="Slice for this model to send to it." error=${problem?.about("model")}>
            <select name="model" value=${draft.model} onChange=${input("model")}>
              <${Options} options=${models.value.map(({ code, name }) => ({ id: code, name }))} value=${draft.model} />
            </select>
          <//>`}
        </div>
        ${remodelled &&
        html`<${Notice} kind="warn" title="The printer restarts and gets another serial number." live>
          Slicers that know it must add it again: remove the old entry there first.
        <//>`}
        <${ModePicker} mode=${draft.mode} onChange=${turn} />
        <${TargetFields} draft=${draft} problem=${problem} onChange=${change} />
        <div class="pair">
          <${Field} label="Network" hint="Slicers fix the ports, so each printer needs an address of its own." error=${problem?.about("bind")}>
            <${BindSelect} value=${draft.bind} printer=${printer} onChange=${(/** @type {string} */ bind) => change({ bind })} />
          <//>
          <${Field}
            label="Address told to slicers"
            optional
            hint="Only where slicers see another one: VPN, NAT, Docker."
            error=${problem?.about("advertise")}
          >
            <input name="advertise" inputmode="decimal" placeholder="same as above" value=${draft.advertise} onInput=${input("advertise")} />
          <//>
        </div>
        ${proxy
          ? html`<p class="hint">Slicers give it the access code of the real printer, which checks it.</p>`
          : printer
          ? html`<${AccessCodes} printer=${printer} />`
          : html`<${FirstCode} code=${draft.access_code} error=${problem?.about("access_code")} onChange=${(/** @type {string} */ code) => change({ access_code: code })} />`}
        <${Switch} label="Enabled: slicers can see it" checked=${draft.enabled} onChange=${(/** @type {boolean} */ enabled) => change({ enabled })} />
      </div>
      <footer>
        ${printer && html`<${Button} kind="quiet danger-text" icon="trash" onClick=${onDelete}>Delete<//><span class="spring"></span>`}
        <${Button} onClick=${onClose}>Cancel<//>
        <${Button} type="submit" kind="primary">${printer ? "Save" : "Create"}<//>
      </footer>
    </form>
  <//>`;
}

/** @param {{ mode: Mode, onChange: (mode: Mode) => void }} props */
function ModePicker({ mode, onChange }) {
  return html`<fieldset class="modes">
    <legend>What happens to a file that arrives</legend>
    ${MODES.map(
      (entry) => html`<label class="mode">
        <input type="radio" name="mode" value=${entry.mode} checked=${mode === entry.mode} onChange=${() => onChange(entry.mode)} />
        <${Icon} name=${entry.icon} />
        <span><b>${entry.label}</b><small>${entry.about}</small></span>
      </label>`,
    )}
  </fieldset>`;
}

/** @param {{ code: string, error: string | null | undefined, onChange: (code: string) => void }} props */
function FirstCode({ code, error, onChange }) {
  return html`<div class="with-button">
    <${Field} label="Access code" hint="8 letters or digits. Slicers ask for it once." error=${error}>
      <input
        name="access_code"
        class="mono"
        required
        minlength="8"
        maxlength="8"
        pattern="[A-Za-z0-9]{8}"
        title="8 letters or digits"
        autocomplete="off"
        spellcheck=${false}
        value=${code}
        onInput=${(/** @type {Event} */ event) => onChange(valueOf(event))}
      />
    <//>
    <${Button} icon="refresh" onClick=${() => onChange(freshCode())}>Another<//>
  </div>`;
}
