import { html } from "../html.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { ROOT, getTagged, patch, post, remove } from "../api/client.js";
import { asProblem } from "../api/problem.js";
import { plural } from "../format.js";
import { archive } from "../state/archive.js";
import { may } from "../state/session.js";
import { listen } from "../state/store.js";
import { attempt, say } from "../state/toasts.js";
import { Button } from "./button.js";
import { Confirm, Dialog } from "./dialog.js";
import { FileWarnings } from "./file-facts.js";
import { FileMetadata } from "./file-metadata.js";
import { FilingFields, filingBody } from "./filing.js";
import { Icon } from "./icon.js";
import { ProblemNotice } from "./notice.js";
import { PlateViewer } from "./plate-viewer.js";

/** @import { FileItem } from "../api/types.js" */
/** @import { Problem } from "../api/problem.js" */
/** @import { Filing } from "./filing.js" */

/** Everything about one archived file. @param {{ id: string, onClose: () => void }} props */
export function ArchiveDetail({ id, onClose }) {
  const [file, setFile] = useState(/** @type {FileItem | null} */ (null));
  const [etag, setTag] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [deleting, setDeleting] = useState(false);
  const load = async () => {
    try {
      const found = await getTagged(`/archive/${id}`);
      setFile(found.item);
      setTag(found.etag);
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  useEffect(() => {
    load();
    return listen((event) => {
      if (event?.type === "archive.changed" && event.data.archive === id) load();
    });
  }, [id]);
  /** @param {Filing} filing */
  const save = async (filing) => {
    const saved = await attempt(patch(`/archive/${id}`, filingBody(filing), etag));
    if (saved) say("Saved.");
    await load();
    return Boolean(saved);
  };
  const destroy = async () => {
    if ((await attempt(remove(`/archive/${id}`))) === undefined) return;
    archive.drop(id);
    say(`${file?.name} is deleted.`);
    onClose();
  };
  /** @param {number[]} plates */
  const enqueue = async (plates) => {
    for (const plate of plates) if (!(await attempt(post("/queue", { archive_id: id, plate })))) return;
    say(`${plates.length === 1 ? `Plate ${plates[0]} is` : `${plural(plates.length, "plate")} are`} in the queue.`);
  };
  const duplicates = () => {
    archive.filter({ duplicates_of: id });
    onClose();
  };
  const alike = (file?.duplicates?.exact ?? 0) + (file?.duplicates?.likely ?? 0);
  return html`<${Dialog} title=${file ? file.title || file.name : "…"} onClose=${onClose} side>
    <div class="dialog-body detail">
      <${ProblemNotice} problem=${problem} />
      ${file &&
      html`<${PlateViewer} file=${file} onEnqueue=${enqueue} />
        <${FileWarnings} file=${file} />
        ${alike > 0 && html`<${Button} small icon="copy" onClick=${duplicates}>Show those<//>`}
        <${FileMetadata} file=${file} />
        <${Filed} key=${id} file=${file} onSave=${save} />`}
    </div>
    ${file &&
    html`<footer>
      <${Button} kind="quiet danger-text" icon="trash" disabled=${!may("files")} onClick=${() => setDeleting(true)}>Delete<//>
      <span class="spring"></span>
      <a class="button" href="${ROOT}/archive/${id}/file" download=${file.filename}><${Icon} name="download" /><span>Download</span></a>
      <${Button} kind="primary" icon="queue" disabled=${!may("queue") || !file.plates.length} onClick=${() => enqueue(file.plates.map((plate) => plate.index))}>
        ${file.plates.length > 1 ? "Queue all plates" : "Add to queue"}
      <//>
    </footer>`}
    ${deleting &&
    html`<${Confirm} title="Delete ${file?.name}?" action="Delete" onClose=${() => setDeleting(false)} onConfirm=${destroy}>
      <p>It also leaves the queue. This cannot be undone.</p>
    <//>`}
  <//>`;
}

/** What is typed stays when somebody else changes the file meanwhile. @param {{ file: FileItem, onSave: (filing: Filing) => Promise<boolean> }} props */
function Filed({ file, onSave }) {
  const start = { project_id: file.project_id, tags: file.tags.join(", "), notes: file.notes };
  const [typed, setTyped] = useState(/** @type {Partial<Filing>} */ ({}));
  const filing = { ...start, ...typed };
  const changed = JSON.stringify(filing) !== JSON.stringify(start);
  const save = async () => {
    if (await onSave(filing)) setTyped({});
  };
  return html`<section class="form filed" aria-label="Filed under">
    <${FilingFields} filing=${filing} onChange=${(/** @type {Partial<Filing>} */ change) => setTyped((before) => ({ ...before, ...change }))} />
    ${changed && html`<div class="actions"><${Button} kind="primary" onClick=${save}>Save<//><${Button} onClick=${() => setTyped({})}>Revert<//></div>`}
  </section>`;
}
