import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { getTagged, patch, post, remove } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { Button } from "../components/button.js";
import { Confirm } from "../components/dialog.js";
import { Empty, ProblemNotice, Skeletons } from "../components/notice.js";
import { Page } from "../components/page.js";
import { PrinterCard } from "../components/printer-card.js";
import { PrinterForm, bodyOf, draftOf } from "../components/printer-form.js";
import { RealPrinters } from "../components/real-printers.js";
import { freshCode } from "../printer.js";
import { may } from "../state/session.js";
import { printers } from "../state/store.js";
import { attempt, complain, say } from "../state/toasts.js";

/** @import { Printer } from "../api/types.js" */
/** @import { Draft } from "../components/printer-form.js" */
/** @import { Problem } from "../api/problem.js" */

/** @typedef {{ printer: Printer | null, start: Draft, problem: Problem | null, etag: string | null }} Editing */

export function PrintersPage() {
  const [editing, setEditing] = useState(/** @type {Editing | null} */ (null));
  const [deleting, setDeleting] = useState(/** @type {Printer | null} */ (null));
  const items = printers.items.value;

  /** @param {Printer | null} printer */
  const edit = async (printer) => {
    setEditing({ printer, start: draftOf(printer), problem: null, etag: null });
    if (!printer) return;
    const tagged = await attempt(getTagged(`/virtual-printers/${printer.id}`));
    setEditing((now) => now && { ...now, etag: tagged?.etag ?? null });
  };
  /** The dialog closes at once; if the API refuses, it is there again with what was typed. @param {Draft} draft */
  const save = async (draft) => {
    if (!editing) return;
    const { printer, etag } = editing;
    setEditing(null);
    try {
      await (printer ? change(printer, draft, etag) : create(draft));
    } catch (error) {
      const problem = asProblem(error);
      const fresh = printer && problem.code === "changed_meanwhile" && (await attempt(getTagged(`/virtual-printers/${printer.id}`)));
      if (fresh) setEditing({ printer: fresh.item, start: retyped(draft, printer, fresh.item), problem, etag: fresh.etag });
      else setEditing({ printer, start: draft, problem, etag });
    }
  };
  const destroy = async () => {
    const printer = deleting;
    setDeleting(null);
    setEditing(null);
    if (!printer) return;
    const drop = (/** @type {Printer[]} */ all) => all.filter((other) => other.id !== printer.id);
    await printers
      .optimistically(drop, () => remove(`/virtual-printers/${printer.id}`))
      .then(() => say(`${printer.name} is deleted. What it received is still there.`), complain);
  };

  const add = html`<${Button} kind="primary" icon="plus" disabled=${!may("printers")} onClick=${() => edit(null)}>New printer<//>`;
  return html`<${Page} title="Printers" lead="Printers that slicers can see. What is sent to one ends up here, or at the real printer behind it." actions=${items?.length === 0 ? null : add}>
    <${ProblemNotice} problem=${printers.problem.value} />
    ${items === null && html`<${Skeletons} count=${2} kind="printer" />`}
    ${items?.length === 0 &&
    html`<${Empty} icon="printer" title="No printer yet">
      <p>Make one: it appears in Bambu Studio and OrcaSlicer like a printer on your network, and takes the files they send.</p>
      ${add}
    <//>`}
    <div class="cards">
      ${items?.map(
        (printer) => html`<${PrinterCard}
          key=${printer.id}
          printer=${printer}
          onEdit=${() => edit(printer)}
          onSwitch=${(/** @type {boolean} */ enabled) => change(printer, { ...draftOf(printer), enabled }, null).catch(complain)}
        />`,
      )}
    </div>
    <${RealPrinters} />
    ${editing &&
    html`<${PrinterForm}
      key=${editing.printer?.id ?? "new"}
      ...${editing}
      onClose=${() => setEditing(null)}
      onSave=${save}
      onDelete=${() => setDeleting(editing.printer)}
    />`}
    ${deleting &&
    html`<${Confirm} title="Delete ${deleting.name}?" action="Delete" onClose=${() => setDeleting(null)} onConfirm=${destroy}>
      <p>Slicers lose it at once. Files it received stay in the archive, and uploads that wait can still be approved.</p>
    <//>`}
  <//>`;
}

/** What was typed, upon what somebody else has made of it meanwhile. @param {Draft} draft @param {Printer} seen @param {Printer} now @returns {Draft} */
function retyped(draft, seen, now) {
  const before = draftOf(seen);
  const typed = Object.entries(draft).filter(([name, value]) => value !== before[/** @type {keyof Draft} */ (name)]);
  return { ...draftOf(now), ...Object.fromEntries(typed) };
}

/** @param {Draft} draft */
async function create(draft) {
  const body = bodyOf(draft, null);
  const id = `new-${freshCode()}`;
  const shown = /** @type {Printer} */ (
    /** @type {unknown} */ ({
      model: "",
      target: null,
      relay: null,
      ...body,
      id,
      serial: "",
      access_codes: [],
      status: { state: body.enabled ? "starting" : "disabled", error: null, services: {} },
    })
  );
  await printers.optimistically(
    (all) => [...all, shown],
    async () => {
      const made = await post("/virtual-printers", body);
      printers.drop(id);
      printers.put(made);
    },
  );
}

/** @param {Printer} printer @param {Draft} draft @param {string | null} etag */
async function change(printer, draft, etag) {
  const body = bodyOf(draft, printer);
  if (!Object.keys(body).length) return;
  const state = body.enabled === undefined ? printer.status.state : body.enabled ? "starting" : "disabled";
  const shown = /** @type {Printer} */ ({ ...printer, ...body, status: { ...printer.status, state } });
  await printers.optimistically(
    (all) => all.map((other) => (other.id === printer.id ? shown : other)),
    async () => printers.put(await patch(`/virtual-printers/${printer.id}`, body, etag)),
  );
}
