import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { date, moment } from "../format.js";
import { may } from "../state/session.js";
import { listen } from "../state/store.js";
import { ExportForm, ImportForm, RenewForm } from "./authority-forms.js";
import { Button } from "./button.js";
import { Copy } from "./copy.js";
import { Icon } from "./icon.js";
import { Notice, ProblemNotice } from "./notice.js";

/** @import { Authority } from "../api/types.js" */
/** @typedef {import("../api/problem.js").Problem} Problem */

/** @type {Record<string, any>} */
const FORMS = { renew: RenewForm, export: ExportForm, import: ImportForm };

/** The CA that slicers must trust. */
export function AuthorityPanel() {
  const [authority, setAuthority] = useState(/** @type {Authority | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [open, setOpen] = useState("");
  const load = async () => {
    try {
      setAuthority(await get("/certificate-authority"));
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  useEffect(() => {
    load();
    return listen((event) => {
      if (!event || event.type.startsWith("authority.")) load();
    });
  }, []);
  const Form = FORMS[open];
  return html`<section aria-label="Certificate authority">
    <div class="section-head">
      <p class="faint">Slicers that trust this authority trust every virtual printer here. It is made once, and renewed only by you.</p>
    </div>
    <${ProblemNotice} problem=${problem} />
    ${authority?.warnings.map((warning) => html`<${Notice} kind="warn" title=${warning.text} />`)}
    ${authority &&
    html`<div class="card authority">
      <${Validity} authority=${authority} />
      <dl class="metadata">
        <div><dt>Subject</dt><dd class="break">${authority.subject}</dd></div>
        <div><dt>Key</dt><dd>${authority.key}</dd></div>
        <div><dt>SHA-256</dt><dd class="fingerprint"><code>${authority.sha256}</code><${Copy} text=${authority.sha256} what="SHA-256 fingerprint" /></dd></div>
        <div><dt>SHA-1</dt><dd class="fingerprint"><code>${authority.sha1}</code><${Copy} text=${authority.sha1} what="SHA-1 fingerprint" /></dd></div>
        <div><dt>On the host</dt><dd class="mono break">${authority.path}</dd></div>
      </dl>
      <footer>
        <a class="button primary" href="/api/v1/certificate-authority.pem" download><${Icon} name="download" /><span>Certificate</span></a>
        <a class="button" href="/set-up"><${Icon} name="plug" /><span>Installers</span></a>
        <span class="spring"></span>
        ${["export", "import", "renew"].map(
          (name) => html`<${Button} disabled=${!may("admin")} onClick=${() => setOpen(name)}>${name[0].toUpperCase() + name.slice(1)}…<//>`,
        )}
      </footer>
    </div>`}
    ${authority && Form && html`<${Form} authority=${authority} onClose=${() => setOpen("")} onDone=${load} />`}
  </section>`;
}

/** @param {{ authority: Authority }} props */
function Validity({ authority }) {
  const from = Date.parse(authority.not_before);
  const until = Date.parse(authority.not_after);
  const gone = Math.max(0, Math.min(1, (Date.now() - from) / (until - from)));
  return html`<div class="validity">
    <meter min="0" max="1" low="0.1" high="0.2" optimum="1" value=${1 - gone} aria-label="Time left"></meter>
    <p><span>${date(authority.not_before)}</span><b title=${moment(authority.not_after)}>valid until ${date(authority.not_after)}</b></p>
  </div>`;
}
