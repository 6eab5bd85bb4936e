import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "../api/client.js";
import { Code, Copy } from "../components/copy.js";
import { Empty, Notice } from "../components/notice.js";
import { Page } from "../components/page.js";
import { PortCheck } from "../components/port-check.js";
import { PrinterSelect } from "../components/printer-select.js";
import { Secret } from "../components/secret.js";
import { SetupSteps } from "../components/setup-steps.js";
import { addresses, detectPort } from "../printer.js";
import { go } from "../router.js";
import { guides, installerPath, likelySystem } from "../setup-guide.js";
import { modelName, printers } from "../state/store.js";
import { attempt } from "../state/toasts.js";

/** @import { Authority, Printer } from "../api/types.js" */

/** @param {{ rest: string[] }} props */
export function SetupPage({ rest }) {
  const items = printers.items.value;
  const printer = items?.find((one) => one.id === rest[0]) ?? items?.find((one) => one.enabled) ?? items?.[0];
  return html`<${Page} title="Set-up" lead="Connect Bambu Studio or OrcaSlicer. It takes about two minutes, once for each computer.">
    ${items?.length === 0 &&
    html`<${Empty} icon="printer" title="First, a printer"><p>Make a virtual printer; then come back to connect slicers to it.</p>
      <a class="button primary" href="/printers">Printers</a><//>`}
    ${printer &&
    html`<div class="setup">
      <div class="setup-main">
        <${PrinterSelect} id=${printer.id} onChange=${(/** @type {string} */ id) => go(`/set-up/${id}`)} />
        ${!printer.enabled && html`<${Notice} kind="warn" title="${printer.name} is off.">Switch it on under Printers, so that slicers can find it.<//>`}
        <${Reach} printer=${printer} />
        <${TrustIt} />
        <${Add} printer=${printer} />
        <${Send} printer=${printer} />
      </div>
      <div class="setup-side"><${SetupSteps} key=${printer.id} printer=${printer.id} /></div>
    </div>`}
  <//>`;
}

/** @param {{ printer: Printer }} props */
function Reach({ printer }) {
  const [address] = addresses(printer);
  if (!address) return html`<section class="card guide"><h2><i>1</i>Reach it</h2><p>The printer has no address yet.</p></section>`;
  return html`<section class="card guide">
    <h2><i>1</i>Reach it</h2>
    <p>The printer's address. On the same network slicers find it by themselves; over a VPN or another network they ask for it.</p>
    <${Code} text=${address} what="address" />
    <${PortCheck} address=${address} port=${detectPort(printer)} />
  </section>`;
}

function TrustIt() {
  const [system, setSystem] = useState(likelySystem());
  const [authority, setAuthority] = useState(/** @type {Authority | null} */ (null));
  useEffect(() => {
    attempt(get("/certificate-authority")).then((found) => setAuthority(found ?? null));
  }, []);
  const all = guides(location.origin);
  const guide = all.find((one) => one.system === system) ?? all[0];
  const platform = guide.system === "windows" || guide.system === "macos" ? guide.system : "linux";
  return html`<section class="card guide">
    <h2><i>2</i>Trust it</h2>
    <p>Slicers keep their own list of certificates. A slicer that says <code>code=-1</code> has not been told of this one.</p>
    <div class="segments" role="group" aria-label="Operating system">
      ${all.map((one) => html`<button type="button" aria-pressed=${one === guide} onClick=${() => setSystem(one.system)}>${one.label}</button>`)}
    </div>
    ${guide.commands.map(({ about, text }) => html`<div class="command"><p>${about}</p><${Code} text=${text} what="command" /></div>`)}
    ${guide.notes.map((note) => html`<p class="hint">${note}</p>`)}
    <p>${guide.after}</p>
    <p class="guide-links">
      <a href=${installerPath(platform)} download>Download the script</a>
      <a href="/api/v1/certificate-authority.pem" download>Download the certificate</a>
    </p>
    ${authority &&
    html`<details>
      <summary>Is it the right certificate?</summary>
      <p class="hint">The script names this SHA-256 fingerprint at its top. Compare them if others share your network.</p>
      <p class="fingerprint"><code>${authority.sha256}</code><${Copy} text=${authority.sha256} what="fingerprint" /></p>
    </details>`}
  </section>`;
}

/** @param {{ printer: Printer }} props */
function Add({ printer }) {
  const [address] = addresses(printer);
  return html`<section class="card guide">
    <h2><i>3</i>Add it</h2>
    <p>In the slicer's <b>Device</b> tab it appears as <b>${printer.name}</b>. If not, choose <b>Add printer by IP</b> and give its address.</p>
    <dl class="facts">
      <div><dt>Address</dt><dd class="mono">${address ?? "none yet"}</dd></div>
      <div><dt>Access code</dt><dd>${printer.access_code ? html`<${Secret} code=${printer.access_code} />` : printer.mode === "proxy" ? "that of the real printer" : "ask whoever runs the printer"}</dd></div>
    </dl>
  </section>`;
}

/** @param {{ printer: Printer }} props */
function Send({ printer }) {
  return html`<section class="card guide">
    <h2><i>4</i>Send</h2>
    <p>Slice for <b>${modelName(printer.model)}</b>, select the printer, and press <b>Send</b>. <b>Print</b> works too: the file takes the same way.</p>
  </section>`;
}
