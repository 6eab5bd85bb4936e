import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { post } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { printers } from "../state/store.js";
import { Button } from "./button.js";
import { Code } from "./copy.js";
import { Dialog } from "./dialog.js";
import { Field, valueOf } from "./field.js";
import { Notice, ProblemNotice } from "./notice.js";

/** @typedef {import("../api/problem.js").Problem} Problem */

const SCOPES = [
  { scope: "read", label: "Read", about: "See everything but secrets; every other scope can, too." },
  { scope: "files", label: "Files", about: "Approve, change and delete what was received." },
  { scope: "queue", label: "Queue", about: "Add, move, hold and remove jobs." },
  { scope: "printers", label: "Printers", about: "Make and change virtual printers, see their codes." },
  { scope: "admin", label: "Admin", about: "Everything, tokens and the certificate authority included." },
];
const OCTOPRINT = "octoprint";

/** @param {{ onClose: () => void }} props */
export function TokenForm({ onClose }) {
  const [name, setName] = useState("");
  const [kind, setKind] = useState("api");
  const [scopes, setScopes] = useState(/** @type {string[]} */ (["read"]));
  const [printer, setPrinter] = useState(printers.items.value?.[0]?.id ?? "");
  const [made, setMade] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setProblem(null);
    const bound = kind === OCTOPRINT ? { scopes: ["files"], printer_id: printer } : { scopes };
    try {
      setMade((await post("/tokens", { name: name.trim(), ...bound })).token);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  if (made) return html`<${Made} token=${made} octoprint=${kind === OCTOPRINT} name=${name} onClose=${onClose} />`;
  const toggle = (/** @type {string} */ scope) =>
    setScopes(scopes.includes(scope) ? scopes.filter((other) => other !== scope) : [...scopes, scope]);
  return html`<${Dialog} title="New token" onClose=${onClose}>
    <form onSubmit=${submit}>
      <div class="dialog-body form">
        <${ProblemNotice} problem=${problem} />
        <${Field} label="Name" hint="Who or what uses it." error=${problem?.about("name")}>
          <input required maxlength="100" value=${name} autofocus onInput=${(/** @type {Event} */ event) => setName(valueOf(event))} />
        <//>
        <div class="segments" role="group" aria-label="Kind of token">
          <button type="button" aria-pressed=${kind === "api"} onClick=${() => setKind("api")}>For the API and this page</button>
          <button type="button" aria-pressed=${kind === OCTOPRINT} onClick=${() => setKind(OCTOPRINT)}>For OctoPrint upload</button>
        </div>
        ${kind === OCTOPRINT
          ? html`<${Field} label="Uploads go to" hint="They are treated as this printer's mode says. The token opens nothing else.">
              <select value=${printer} onChange=${(/** @type {Event} */ event) => setPrinter(valueOf(event))}>
                ${(printers.items.value ?? []).map((one) => html`<option value=${one.id}>${one.name}</option>`)}
              </select>
            <//>`
          : html`<fieldset class="scope-list">
              <legend class="label">May</legend>
              ${SCOPES.map(
                ({ scope, label, about }) => html`<label>
                  <input type="checkbox" checked=${scopes.includes(scope)} onChange=${() => toggle(scope)} />
                  <span><b>${label}</b> <small class="faint">${about}</small></span>
                </label>`,
              )}
            </fieldset>`}
      </div>
      <footer>
        <${Button} onClick=${onClose}>Cancel<//>
        <${Button} type="submit" kind="primary" disabled=${kind === "api" ? !scopes.length : !printer}>Create<//>
      </footer>
    </form>
  <//>`;
}

/** @param {{ token: string, octoprint: boolean, name: string, onClose: () => void }} props */
function Made({ token, octoprint, name, onClose }) {
  return html`<${Dialog} title="Token for ${name}" onClose=${onClose}>
    <div class="dialog-body form">
      <${Notice} kind="warn" title="Copy it now: it is not shown again." />
      <${Code} text=${token} what="token" />
      ${octoprint &&
      html`<p>
        In OrcaSlicer, open <b>Physical printer</b>, choose the host type <b>Octo/Klipper</b>, give <code>${location.host}</code> as host and
        this token as API key. No certificate is needed.
      </p>`}
    </div>
    <footer><${Button} kind="primary" onClick=${onClose}>Done<//></footer>
  <//>`;
}
