import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { post } from "../api/client.js";
import { Approval } from "../components/approval.js";
import { Button } from "../components/button.js";
import { Empty, ProblemNotice, Skeletons } from "../components/notice.js";
import { Page } from "../components/page.js";
import { PendingCard } from "../components/pending-card.js";
import { UploadRow } from "../components/upload-row.js";
import { plural } from "../format.js";
import { pending } from "../state/store.js";
import { complain, say } from "../state/toasts.js";
import { uploads } from "../state/uploads.js";

/** @import { FileItem } from "../api/types.js" */

/** Discarded uploads are kept for a minute. */
const UNDO_SECONDS = 15;

export function IncomingPage() {
  const [picked, setPicked] = useState(/** @type {Set<string>} */ (new Set()));
  const [details, setDetails] = useState(/** @type {FileItem[] | null} */ (null));
  const items = pending.items.value;
  const running = uploads.items.value;
  const selection = (items ?? []).filter((file) => picked.has(file.id));

  /** @param {string} id @param {boolean} on */
  const select = (id, on) => {
    const next = new Set(picked);
    if (on) next.add(id);
    else next.delete(id);
    setPicked(next);
  };
  /** @param {FileItem[]} files @param {"archive" | "queue"} to @param {object} [filing] */
  const approve = async (files, to, filing = {}) => {
    setDetails(null);
    const where = to === "queue" ? "in the queue" : "in the archive";
    await decide(files, { action: "approve", to, ...filing }, (done) => say(`${nameOf(done)} is ${where}.`));
  };
  /** @param {FileItem[]} files */
  const discard = (files) =>
    decide(files, { action: "discard" }, (done) =>
      say(`${nameOf(done)} is discarded.`, { label: "Undo", run: () => restore(done) }, UNDO_SECONDS),
    );

  return html`<${Page} title="Incoming" lead="What slicers are sending, and what waits for you.">
    ${running.length > 0 &&
    html`<section class="card uploads" aria-label="Uploads in progress">
      <ul>
        ${running.map((upload) => html`<${UploadRow} key=${upload.upload} upload=${upload} />`)}
      </ul>
    </section>`}
    <${ProblemNotice} problem=${pending.problem.value} />
    ${items === null && html`<${Skeletons} count=${2} kind="row tall" />`}
    ${items?.length === 0 && running.length === 0 && html`<${Nothing} />`}
    ${(items?.length ?? 0) > 1 && html`<${BulkBar} items=${items} selection=${selection} onPick=${setPicked} onApprove=${approve} onDetails=${setDetails} onDiscard=${discard} />`}
    <div class="stack">
      ${items?.map(
        (file) => html`<${PendingCard}
          key=${file.id}
          file=${file}
          selected=${picked.has(file.id)}
          onSelect=${(/** @type {boolean} */ on) => select(file.id, on)}
          onApprove=${(/** @type {"archive" | "queue"} */ to) => approve([file], to)}
          onDetails=${() => setDetails([file])}
          onDiscard=${() => discard([file])}
        />`,
      )}
    </div>
    ${details &&
    html`<${Approval}
      files=${details}
      onClose=${() => setDetails(null)}
      onApprove=${(/** @type {"archive" | "queue"} */ to, /** @type {object} */ filing) => approve(details, to, filing)}
    />`}
  <//>`;
}

/** @param {any} props */
function BulkBar({ items, selection, onPick, onApprove, onDetails, onDiscard }) {
  const all = selection.length === items.length;
  const toggle = () => onPick(new Set(all ? [] : items.map((/** @type {FileItem} */ file) => file.id)));
  return html`<div class="bulk" role="toolbar" aria-label="Selected uploads">
    <label class="pick"><input type="checkbox" checked=${all} indeterminate=${selection.length > 0 && !all} onChange=${toggle} />
      <span>${selection.length ? `${selection.length} selected` : "Select all"}</span></label>
    <span class="spring"></span>
    ${selection.length > 0 &&
    html`<${Button} small icon="archive" onClick=${() => onApprove(selection, "archive")}>To archive<//>
      <${Button} small icon="queue" onClick=${() => onApprove(selection, "queue")}>To queue<//>
      <${Button} small kind="quiet" icon="tag" onClick=${() => onDetails(selection)}>With details…<//>
      <${Button} small kind="quiet danger-text" icon="trash" onClick=${() => onDiscard(selection)}>Discard<//>`}
  </div>`;
}

function Nothing() {
  return html`<${Empty} icon="inbox" title="Nothing is waiting">
    <p>
      Files sent to a printer in mode <b>Review</b> wait here until you decide. In your slicer, pick the virtual printer and press
      <b>Send</b>; the progress shows up here while it uploads.
    </p>
    <p class="actions"><a class="button" href="/set-up">Connect a slicer</a><a class="button quiet" href="/printers">Change a printer's mode</a></p>
  <//>`;
}

/** @param {FileItem[]} files */
const nameOf = (files) => (files.length === 1 ? files[0].title || files[0].name : plural(files.length, "upload"));

/**
 * Carry out a decision: the uploads go at once, those that were refused come back.
 * @param {FileItem[]} files @param {object} decision @param {(done: FileItem[]) => void} tell
 */
async function decide(files, decision, tell) {
  const ids = new Set(files.map((file) => file.id));
  try {
    await pending.optimistically(
      (all) => all.filter((file) => !ids.has(file.id)),
      async () => {
        const { done, failed } = await post("/pending/bulk", { ...decision, ids: [...ids] });
        for (const one of failed) complain(new Error(`${pending.find(one.id)?.name ?? "An upload"}: ${one.title}`));
        const finished = files.filter((file) => done.includes(file.id));
        if (finished.length) tell(finished);
      },
    );
  } catch (error) {
    complain(error);
  }
}

/** @param {FileItem[]} files */
async function restore(files) {
  for (const file of files) await post(`/pending/${file.id}/restore`).catch(complain);
  pending.reload();
}
