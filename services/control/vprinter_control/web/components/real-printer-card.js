import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { get } from "../api/client.js";
import { duration } from "../format.js";
import { REAL_CONDITIONS, grouped, printing, temperatures } from "../real-printer.js";
import { may } from "../state/session.js";
import { modelName } from "../state/store.js";
import { attempt } from "../state/toasts.js";
import { Button } from "./button.js";
import { Notice } from "./notice.js";
import { Pill } from "./pill.js";
import { Secret } from "./secret.js";

/** @import { RealPrinter, RealStatus } from "../api/types.js" */

/** @param {{ printer: RealPrinter, onEdit: () => void, onAccept: (fingerprint: string) => Promise<void> }} props */
export function RealPrinterCard({ printer, onEdit, onAccept }) {
  const { status } = printer;
  const condition = REAL_CONDITIONS[status.state];
  return html`<article class="card printer real ${status.state}" aria-label=${printer.name}>
    <header>
      <div class="printer-title">
        <h2>${printer.name}</h2>
        <p>${modelName(printer.model)} <span class="mono faint" title="Serial number">${printer.serial}</span></p>
      </div>
      <${Pill} tone=${condition.tone}>${condition.label}<//>
    </header>
    <p class="address"><span class="mono">${printer.host}</span></p>
    ${status.state === "online" ? html`<${Progress} status=${status} />` : html`<${Trouble} status=${status} onAccept=${onAccept} />`}
    <dl class="facts">
      <div><dt>Access code</dt><dd><${RealCode} printer=${printer} /></dd></div>
      <div><dt>Used by</dt><dd class=${printer.used_by.length ? "" : "faint"}>${printer.used_by.map((user) => user.name).join(", ") || "nobody yet"}</dd></div>
    </dl>
    <footer>
      <span class="faint">${status.firmware && `Firmware ${status.firmware}`}</span>
      <span class="spring"></span>
      <${Button} small kind="quiet" icon="edit" onClick=${onEdit} disabled=${!may("printers")}>Edit<//>
    </footer>
  </article>`;
}

/** @param {{ status: RealStatus }} props */
function Progress({ status }) {
  const percent = status.job ? status.percent : null;
  const left = status.remaining_minutes ? `, ${duration(status.remaining_minutes * 60)} left` : "";
  const layers = status.layer && status.layers ? `, layer ${status.layer} of ${status.layers}` : "";
  return html`<div class="real-progress">
    <p>
      <b>${printing(status.printing)}</b>
      ${status.job && html` <span class="clip">${status.job}</span>`}
      ${percent !== null && html` <small class="faint">${percent} %${layers}${left}</small>`}
    </p>
    ${percent !== null && html`<progress aria-label="Print of ${status.job}" max="100" value=${percent}></progress>`}
    <p class="temperatures">
      ${temperatures(status).map(({ label, celsius }) => html`<span><small class="faint">${label}</small> ${Math.round(celsius)} °C</span>`)}
    </p>
  </div>`;
}

/** @param {{ status: RealStatus, onAccept: (fingerprint: string) => Promise<void> }} props */
function Trouble({ status, onAccept }) {
  const fingerprint = status.trouble === "certificate_changed" ? status.fingerprint : null;
  return html`<${Notice} kind=${status.state === "attention" ? "bad" : "info"} title=${status.error ?? ""}>
    ${status.hint}
    ${fingerprint &&
    html`<p class="fingerprint"><code>${grouped(fingerprint)}</code></p>
      <${Button} small disabled=${!may("printers")} onClick=${() => onAccept(fingerprint)}>Accept this certificate<//>`}
  <//>`;
}

/** The code is fetched when somebody wants to see it. @param {{ printer: { id: string, name: string } }} props */
export function RealCode({ printer }) {
  const [code, setCode] = useState(/** @type {string | null} */ (null));
  const reveal = async () => setCode((await attempt(get(`/printers/${printer.id}/access-code`)))?.access_code ?? null);
  if (code) return html`<${Secret} code=${code} what="access code of ${printer.name}" shownFirst />`;
  return html`<code class="access-code">••••••••</code>
    <${Button} small kind="quiet" icon="eye" label="Show access code of ${printer.name}" disabled=${!may("printers")} onClick=${reveal} />`;
}
