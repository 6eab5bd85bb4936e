import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { getTagged, patch, post, remove } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { may } from "../state/session.js";
import { realPrinters } from "../state/store.js";
import { attempt, complain, say } from "../state/toasts.js";
import { Button } from "./button.js";
import { Confirm } from "./dialog.js";
import { ProblemNotice } from "./notice.js";
import { RealPrinterCard } from "./real-printer-card.js";
import { RealPrinterForm, realBodyOf, realDraftOf } from "./real-printer-form.js";

/** @import { RealPrinter } from "../api/types.js" */
/** @import { Problem } from "../api/problem.js" */
/** @import { RealDraft } from "./real-printer-form.js" */

/** @typedef {{ printer: RealPrinter | null, start: RealDraft, problem: Problem | null, etag: string | null }} Editing */

/** The real printers, and what can be done to them. */
export function RealPrinters() {
  const [editing, setEditing] = useState(/** @type {Editing | null} */ (null));
  const [deleting, setDeleting] = useState(/** @type {RealPrinter | null} */ (null));
  const items = realPrinters.items.value;

  /** @param {RealPrinter | null} printer */
  const edit = async (printer) => {
    setEditing({ printer, start: realDraftOf(printer), problem: null, etag: null });
    if (!printer) return;
    const tagged = await attempt(getTagged(`/printers/${printer.id}`));
    setEditing((now) => now && { ...now, etag: tagged?.etag ?? null });
  };
  /** A look at the printer takes a while, so the dialog stays until there is an answer. @param {RealDraft} draft */
  const save = async (draft) => {
    if (!editing) return;
    const { printer, etag } = editing;
    const body = realBodyOf(draft, printer);
    try {
      const saved = printer ? await patch(`/printers/${printer.id}`, body, etag) : await post("/printers", body);
      realPrinters.put(saved);
      setEditing(null);
      if (!printer) say(`${saved.name} is added.`);
    } catch (error) {
      setEditing({ printer, start: draft, problem: asProblem(error), etag });
    }
  };
  const destroy = async () => {
    const printer = deleting;
    setDeleting(null);
    setEditing(null);
    if (!printer) return;
    const drop = (/** @type {RealPrinter[]} */ all) => all.filter((other) => other.id !== printer.id);
    await realPrinters.optimistically(drop, () => remove(`/printers/${printer.id}`)).then(() => say(`${printer.name} is forgotten.`), complain);
  };
  const accept = async (/** @type {RealPrinter} */ printer, /** @type {string} */ fingerprint) => {
    const accepted = await attempt(post(`/printers/${printer.id}/accept-certificate`, { fingerprint }));
    if (accepted) realPrinters.put(accepted);
  };

  return html`<section class="real-printers" aria-label="Real printers">
    <header class="section-head">
      <div>
        <h2>Real printers</h2>
        <p class="lead">Put a proxy in front of one to print on it from anywhere, or let a virtual printer mirror it.</p>
      </div>
      <${Button} icon="plus" disabled=${!may("printers")} onClick=${() => edit(null)}>Add a real printer<//>
    </header>
    <${ProblemNotice} problem=${realPrinters.problem.value} />
    <div class="cards">
      ${items?.map(
        (printer) => html`<${RealPrinterCard}
          key=${printer.id}
          printer=${printer}
          onEdit=${() => edit(printer)}
          onAccept=${(/** @type {string} */ fingerprint) => accept(printer, fingerprint)}
        />`,
      )}
    </div>
    ${editing &&
    html`<${RealPrinterForm}
      key=${editing.printer?.id ?? "new"}
      ...${editing}
      onClose=${() => setEditing(null)}
      onSave=${save}
      onDelete=${() => setDeleting(editing.printer)}
    />`}
    ${deleting &&
    html`<${Confirm} title="Forget ${deleting.name}?" action="Forget" onClose=${() => setDeleting(null)} onConfirm=${destroy}>
      <p>Jobs in the queue that it was to print are anybody's again. The printer itself does not notice.</p>
    <//>`}
  </section>`;
}
