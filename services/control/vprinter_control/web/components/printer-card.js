import { html } from "../html.js";
import { ago, plural } from "../format.js";
import { CONDITIONS, MODES, addresses, complaints, slicerName } from "../printer.js";
import { REAL_CONDITIONS } from "../real-printer.js";
import { may } from "../state/session.js";
import { slicers } from "../state/slicers.js";
import { modelName, realPrinters } from "../state/store.js";
import { Button } from "./button.js";
import { Connections } from "./connections.js";
import { Copy } from "./copy.js";
import { Switch } from "./field.js";
import { Icon } from "./icon.js";
import { Pill } from "./pill.js";
import { Secret } from "./secret.js";

/** @import { Printer } from "../api/types.js" */

/** @param {{ printer: Printer, onEdit: () => void, onSwitch: (enabled: boolean) => void }} props */
export function PrinterCard({ printer, onEdit, onSwitch }) {
  const condition = CONDITIONS[printer.status.state] ?? CONDITIONS.starting;
  const mode = MODES.find((entry) => entry.mode === printer.mode);
  const wrong = complaints(printer);
  return html`<article class="card printer ${printer.status.state}" aria-label=${printer.name}>
    <header>
      <div class="printer-title">
        <h2>${printer.name}</h2>
        <p>${modelName(printer.model)} <span class="mono faint" title="Serial number">${printer.serial}</span></p>
      </div>
      <${Pill} tone=${condition.tone}>${condition.label}<//>
    </header>
    <${Addresses} printer=${printer} />
    <dl class="facts">
      <div><dt>Mode</dt><dd title=${mode?.about}><${Icon} name=${mode?.icon ?? "archive"} />${mode?.label}</dd></div>
      <div><dt>Access code</dt><dd>${printer.mode === "proxy" ? html`<span title="The real printer checks it">the printer's own</span>` : html`<${CodeFact} printer=${printer} />`}</dd></div>
      <div><dt>Connected</dt><dd><${Connected} printer=${printer} /></dd></div>
      <${LastSlicer} printer=${printer} />
      <${TargetFact} printer=${printer} />
    </dl>
    ${printer.mode === "proxy" && printer.enabled && html`<${Connections} printer=${printer} />`}
    ${wrong.length > 0 && html`<${Complaints} wrong=${wrong} />`}
    <footer>
      <${Switch} label=${printer.enabled ? "On" : "Off"} checked=${printer.enabled} onChange=${onSwitch} disabled=${!may("printers")} />
      <span class="spring"></span>
      <a class="button quiet small" href="/set-up/${printer.id}"><${Icon} name="plug" /><span>Connect</span></a>
      <a class="button quiet small" href="/doctor/${printer.id}"><${Icon} name="doctor" /><span>Check</span></a>
      <${Button} small kind="quiet" icon="edit" onClick=${onEdit} disabled=${!may("printers")}>Edit<//>
    </footer>
  </article>`;
}

/** @param {{ printer: Printer }} props */
function Addresses({ printer }) {
  const found = addresses(printer);
  if (!found.length) {
    return html`<p class="address none">${printer.enabled ? "waiting for its address" : "no address while it is off"}</p>`;
  }
  const [first, ...others] = found;
  return html`<p class="address">
    <span class="mono">${first}</span><${Copy} text=${first} what="address" />
    ${others.length > 0 && html`<small title=${others.join(", ")}>and ${plural(others.length, "other")}</small>`}
  </p>`;
}

/** @param {{ printer: Printer }} props */
function CodeFact({ printer }) {
  const more = printer.access_codes.length - 1;
  return html`${printer.access_code ? html`<${Secret} code=${printer.access_code} />` : html`<span class="faint">hidden</span>`}
  ${more > 0 && html`<small class="faint">+${more}</small>`}`;
}

/** @param {{ printer: Printer }} props */
function Connected({ printer }) {
  const items = slicers.byPrinter.value[printer.id]?.items ?? [];
  const clients = [...new Set(items.map((one) => one.client))];
  const names = clients.map((client) => items.find((one) => one.client === client)?.owner || client);
  return html`<span class=${clients.length ? "" : "faint"} title=${names.join(", ")}>${plural(clients.length, "slicer")}</span>`;
}

/** @param {{ printer: Printer }} props */
function LastSlicer({ printer }) {
  const last = slicers.byPrinter.value[printer.id]?.last_slicer;
  const name = slicerName(last?.slicer);
  return html`<div>
    <dt>Last slicer${last && `, ${ago(last.at)}`}</dt>
    <dd title=${last?.client}>
      ${last ? html`<span class="clip${name ? "" : " mono"}">${name ?? last.client}</span>` : html`<span class="faint">none yet</span>`}
    </dd>
  </div>`;
}

/** The real printer behind it. @param {{ printer: Printer }} props */
function TargetFact({ printer }) {
  const target = printer.target ? realPrinters.find(printer.target) : undefined;
  if (!target) return null;
  const condition = REAL_CONDITIONS[target.status.state];
  return html`<div class="whole">
    <dt>${printer.mode === "proxy" ? "Stands in front of" : "Mirrors"}</dt>
    <dd><span class="clip">${target.name}</span> <${Pill} tone=${condition.tone}>${condition.label}<//></dd>
  </div>`;
}

/** @param {{ wrong: { where: string, why: string }[] }} props */
function Complaints({ wrong }) {
  return html`<ul class="complaints">
    ${wrong.map(({ where, why }) => html`<li><${Icon} name="alert" /><span>${where && html`<b>${where}</b>`}${why}</span></li>`)}
  </ul>`;
}
