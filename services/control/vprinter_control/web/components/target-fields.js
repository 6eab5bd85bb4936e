import { html } from "../html.js";
import { FTP_WAYS, POLICIES } from "../real-printer.js";
import { realPrinters } from "../state/store.js";
import { Field, Switch, valueOf } from "./field.js";
import { Notice } from "./notice.js";
import { Options } from "./options.js";

/** @import { Draft } from "./printer-form.js" */
/** @import { Problem } from "../api/problem.js" */

/** The real printer behind a virtual one, and what may pass. @param {{ draft: Draft, problem: Problem | null, onChange: (change: Partial<Draft>) => void }} props */
export function TargetFields({ draft, problem, onChange }) {
  const proxy = draft.mode === "proxy";
  const known = realPrinters.items.value ?? [];
  if (proxy && !known.length) {
    return html`<${Notice} kind="info" title="Add the real printer first.">Close this, and press “Add a real printer” below.<//>`;
  }
  if (!known.length) return null;
  const none = { id: "", name: proxy ? "Choose one" : "None" };
  return html`<${Field}
      label=${proxy ? "Real printer" : "Mirror a real printer"}
      optional=${!proxy}
      hint=${proxy ? "Slicers see its serial number and model, and give it its own access code." : "Slicers see its filaments and progress, so that you slice for what is loaded."}
      error=${problem?.about("target")}
    >
      <select name="target" required=${proxy} value=${draft.target} onChange=${(/** @type {Event} */ event) => onChange({ target: valueOf(event) })}>
        <${Options} options=${[none, ...known]} value=${draft.target} />
      </select>
    <//>
    ${draft.target && (proxy ? html`<${Relayed} draft=${draft} problem=${problem} onChange=${onChange} />` : html`<${Mirrored} draft=${draft} onChange=${onChange} />`)}`;
}

/** @param {{ draft: Draft, problem: Problem | null, onChange: (change: Partial<Draft>) => void }} props */
function Relayed({ draft, problem, onChange }) {
  const way = FTP_WAYS.find((one) => one.ftp === draft.ftp);
  return html`<fieldset class="modes">
      <legend>What slicers may do with it</legend>
      ${POLICIES.map(
        (one) => html`<label class="mode bare-mode">
          <input type="radio" name="allow" value=${one.allow} checked=${draft.allow === one.allow} onChange=${() => onChange({ allow: one.allow })} />
          <span><b>${one.label}</b><small>${one.about}</small></span>
        </label>`,
      )}
    </fieldset>
    <${Field} label="Files" hint=${way?.about} error=${problem?.about("relay")}>
      <select
        name="ftp"
        value=${draft.ftp}
        onChange=${(/** @type {Event} */ event) => {
          const ftp = /** @type {Draft["ftp"]} */ (valueOf(event));
          onChange(ftp === "passthrough" ? { ftp, capture: false } : { ftp });
        }}
      >
        <${Options} options=${FTP_WAYS.map(({ ftp, label }) => ({ id: ftp, name: label }))} value=${draft.ftp} />
      </select>
    <//>
    <${Switch}
      label="Keep a copy of every relayed file in the archive"
      checked=${draft.capture}
      disabled=${draft.ftp === "passthrough"}
      onChange=${(/** @type {boolean} */ capture) => onChange({ capture })}
    />
    <${Switch} label="Relay its camera" checked=${draft.camera} onChange=${(/** @type {boolean} */ camera) => onChange({ camera })} />`;
}

/** @param {{ draft: Draft, onChange: (change: Partial<Draft>) => void }} props */
function Mirrored({ draft, onChange }) {
  return html`<${Switch}
      label="Let slicers control the real printer through this one"
      checked=${draft.allow === "control"}
      onChange=${(/** @type {boolean} */ control) => onChange({ allow: control ? "control" : "view" })}
    />
    <${Switch}
      label="Relay its camera (slicers need the real printer's access code for it)"
      checked=${draft.camera}
      onChange=${(/** @type {boolean} */ camera) => onChange({ camera })}
    />`;
}
