import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { get } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { Button } from "../components/button.js";
import { Diagnosis } from "../components/diagnosis.js";
import { Empty, Notice, ProblemNotice } from "../components/notice.js";
import { Page } from "../components/page.js";
import { PrinterSelect } from "../components/printer-select.js";
import { go } from "../router.js";
import { printers } from "../state/store.js";

/** @typedef {import("../api/types.js").Diagnosis} Found */
/** @typedef {import("../api/problem.js").Problem} Problem */

/** @param {{ rest: string[] }} props */
export function DoctorPage({ rest }) {
  const items = printers.items.value;
  const printer = items?.find((one) => one.id === rest[0]) ?? items?.find((one) => one.enabled) ?? items?.[0];
  const [found, setFound] = useState(/** @type {Found | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [running, setRunning] = useState(false);
  useEffect(() => {
    setFound(null);
    setProblem(null);
  }, [printer?.id]);
  const run = async () => {
    if (!printer) return;
    setRunning(true);
    setProblem(null);
    try {
      setFound(await get(`/virtual-printers/${printer.id}/diagnosis`));
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setRunning(false);
    }
  };
  return html`<${Page} title="Doctor" lead="Plays the slicer against a printer, step by step, and says what to do where it fails.">
    ${items?.length === 0 && html`<${Empty} icon="printer" title="No printer to check"><a class="button" href="/printers">Printers</a><//>`}
    ${printer &&
    html`<div class="doctor-head">
        <${PrinterSelect} id=${printer.id} onChange=${(/** @type {string} */ id) => go(`/doctor/${id}`)} />
        <${Button} kind="primary" icon="doctor" disabled=${running || !printer.enabled} onClick=${run}>
          ${running ? "Checking…" : found ? "Check again" : `Check ${printer.name}`}
        <//>
      </div>
      ${!printer.enabled && html`<${Notice} kind="warn" title="${printer.name} is off.">Only a printer that is on can be checked.<//>`}
      <${ProblemNotice} problem=${problem} />
      <div aria-live="polite">
        ${running && html`<p class="faint">This takes up to ten seconds: connections, certificate, login, and a small upload that is taken away again.</p>`}
        ${found && !running && html`<${Diagnosis} found=${found} />`}
        ${!found && !running && !problem && html`<${Empty} icon="doctor" title="Something does not work?">
          <p>The check looks at the address, ports, redirects, discovery, certificate, login, upload, disk, clock and services, and
          names the remedy for a native install, for Docker, and for a NAS.</p>
        <//>`}
      </div>`}
  <//>`;
}
