import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { post, send } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { date } from "../format.js";
import { say } from "../state/toasts.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { Field, valueOf } from "./field.js";
import { Notice, ProblemNotice } from "./notice.js";

/** @import { Authority } from "../api/types.js" */
/** @typedef {import("../api/problem.js").Problem} Problem */
/** @typedef {{ authority: Authority, onClose: () => void, onDone: () => unknown }} Props */

/**
 * A dialog whose action may fail.
 * @param {{ title: string, action: string, danger?: boolean, onClose: () => void, onSubmit: () => Promise<unknown>, children?: any }} props
 */
function ActionDialog({ title, action, danger = false, onClose, onSubmit, children }) {
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [busy, setBusy] = useState(false);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await onSubmit();
      onClose();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <div class="dialog-body form"><${ProblemNotice} problem=${problem} />${children}</div>
      <footer>
        <${Button} onClick=${onClose}>Cancel<//>
        <${Button} type="submit" kind=${danger ? "danger" : "primary"} disabled=${busy}>${busy ? "Working…" : action}<//>
      </footer>
    </form>
  <//>`;
}

/** @param {Props} props */
export function ExportForm({ onClose }) {
  const [passphrase, setPassphrase] = useState("");
  const submit = async () => {
    const response = await send("POST", "/certificate-authority/export", { body: { passphrase } });
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(await response.blob());
    anchor.download = "virtual-printer-ca.pem";
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
    say("The authority is exported. Keep file and pass phrase apart.");
  };
  return html`<${ActionDialog} title="Export the authority" action="Export" onClose=${onClose} onSubmit=${submit}>
    <p>For another host whose printers are to be trusted by the same slicers. The file holds the private key, sealed by a pass phrase.</p>
    <${Field} label="Pass phrase" hint="At least 8 characters.">
      <input type="password" required minlength="8" maxlength="200" autocomplete="new-password" value=${passphrase} onInput=${(/** @type {Event} */ event) => setPassphrase(valueOf(event))} />
    <//>
  <//>`;
}

/** @param {Props} props */
export function ImportForm({ authority, onClose, onDone }) {
  const [pem, setPem] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const submit = async () => {
    const body = { pem, passphrase: passphrase || null, replaces: authority.sha256 };
    const found = await post("/certificate-authority/import", body);
    say(found.next_steps?.[0] ?? "The authority is imported.", null, 20);
    await onDone();
  };
  /** @param {Event} event */
  const read = async (event) => {
    const file = /** @type {HTMLInputElement} */ (event.target).files?.[0];
    if (file) setPem(await file.text());
  };
  return html`<${ActionDialog} title="Import an authority" action="Replace the authority" danger onClose=${onClose} onSubmit=${submit}>
    <${Notice} kind="warn" title="The present authority is replaced.">Slicers that trust only the present one are refused until they trust the new one.<//>
    <${Field} label="File" hint="Another host's export, or a certificate and its key in one PEM file of your own.">
      <input type="file" accept=".pem,.crt,.key" onChange=${read} required />
    <//>
    <${Field} label="Pass phrase" optional>
      <input type="password" autocomplete="off" value=${passphrase} onInput=${(/** @type {Event} */ event) => setPassphrase(valueOf(event))} />
    <//>
  <//>`;
}

const KEYS = [
  { key: "same", label: "Same key, longer validity", about: "Slicers go on until the old end; run the installer on each before then." },
  { key: "new", label: "New key", about: "If the key may be known to others. Every slicer is refused until the installer has run again." },
];

/** @param {Props} props */
export function RenewForm({ authority, onClose, onDone }) {
  const [key, setKey] = useState("same");
  const submit = async () => {
    const body = key === "new" ? { key, replaces: authority.sha256 } : { key };
    const found = await post("/certificate-authority/renew", body);
    say(found.next_steps?.[0] ?? "The authority is renewed.", null, 20);
    await onDone();
  };
  return html`<${ActionDialog} title="Renew the authority" action="Renew" danger=${key === "new"} onClose=${onClose} onSubmit=${submit}>
    <p>It is valid until ${date(authority.not_after)}. Renewing asks something of every slicer, so it never happens by itself.</p>
    <fieldset class="modes one">
      <legend>How</legend>
      ${KEYS.map(
        (entry) => html`<label class="mode bare-mode">
          <input type="radio" name="key" checked=${key === entry.key} onChange=${() => setKey(entry.key)} />
          <span><b>${entry.label}</b><small>${entry.about}</small></span>
        </label>`,
      )}
    </fieldset>
  <//>`;
}
