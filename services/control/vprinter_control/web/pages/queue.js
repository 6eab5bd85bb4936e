import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { patch, post, remove } from "../api/client.js";
import { Empty, ProblemNotice, Skeletons } from "../components/notice.js";
import { Page } from "../components/page.js";
import { QueueRow } from "../components/queue-row.js";
import { Reorder } from "../components/reorder.js";
import { may } from "../state/session.js";
import { queue, realPrinters } from "../state/store.js";
import { complain, say } from "../state/toasts.js";

/** @import { QueueItem } from "../api/types.js" */

/** @type {{ name: string, label: string, test: (item: QueueItem) => boolean }[]} */
const VIEWS = [
  { name: "all", label: "All", test: () => true },
  { name: "unassigned", label: "Unassigned", test: (item) => item.printer_id === null },
  { name: "held", label: "On hold", test: (item) => item.hold },
];

export function QueuePage() {
  const [view, setView] = useState(VIEWS[0]);
  const items = queue.items.value;
  const shown = (items ?? []).filter(view.test);
  const assignees = realPrinters.items.value ?? [];

  /** @param {number} from @param {number} to */
  const move = (from, to) => {
    const item = shown[from];
    const rest = shown.filter((other) => other !== item);
    const after = rest[to - 1]?.id ?? null;
    const before = rest[to]?.id ?? null;
    change((all) => placed(all, item, after, before), () => patch(`/queue/${item.id}`, { after, before }));
  };

  return html`<${Page} title="Queue" lead="What is to be printed, in order. The first job is the next one.">
    <${ProblemNotice} problem=${queue.problem.value} />
    ${items === null && html`<${Skeletons} count=${5} kind="row" />`}
    ${items?.length === 0 && html`<${Nothing} />`}
    ${items !== null &&
    items.length > 0 &&
    html`<div class="segments" role="group" aria-label="Show">
        ${VIEWS.map(
          (entry) => html`<button type="button" aria-pressed=${entry === view} onClick=${() => setView(entry)}>
            ${entry.label} <span>${items.filter(entry.test).length}</span>
          </button>`,
        )}
      </div>
      <${Reorder}
        items=${shown}
        nameOf=${nameOf}
        label="Jobs in order"
        locked=${!may("queue")}
        onMove=${move}
        render=${(/** @type {QueueItem} */ item, /** @type {any} */ handle) => html`<${QueueRow}
          item=${item}
          place=${items.indexOf(item) + 1}
          handle=${handle}
          assignees=${assignees}
          onHold=${() => edit(item, { hold: !item.hold })}
          onAssign=${(/** @type {string | null} */ printer_id) => edit(item, { printer_id })}
          onRemove=${() => drop(item)}
        />`}
      />`}
  <//>`;
}

function Nothing() {
  return html`<${Empty} icon="queue" title="The queue is empty">
    <p>Add plates from the archive, approve an upload to the queue, or set a printer to mode <b>Print queue</b>: then whatever is sent to it joins by itself.</p>
    <p class="actions"><a class="button" href="/archive">Open the archive</a></p>
  <//>`;
}

/** @param {QueueItem} item */
const nameOf = (item) => `${item.name}, plate ${item.plate}`;

/** @param {(all: QueueItem[]) => QueueItem[]} shown @param {() => Promise<unknown>} work */
const change = (shown, work) => queue.optimistically(shown, work).catch(complain);

/** @param {QueueItem} item @param {Partial<QueueItem>} body */
const edit = (item, body) =>
  change(
    (all) => all.map((other) => (other.id === item.id ? { ...other, ...body } : other)),
    () => patch(`/queue/${item.id}`, body),
  );

/** The queue with an item between two others, as the API places it. @param {QueueItem[]} all @param {QueueItem} item @param {string | null} after @param {string | null} before */
function placed(all, item, after, before) {
  const rest = all.filter((other) => other.id !== item.id);
  const next = rest.findIndex((other) => other.id === before);
  const at = after === null ? Math.max(0, next) : rest.findIndex((other) => other.id === after) + 1;
  return [...rest.slice(0, at), item, ...rest.slice(at)];
}

/** @param {QueueItem} item */
async function drop(item) {
  const all = queue.items.peek() ?? [];
  const at = all.findIndex((other) => other.id === item.id);
  const neighbours = { after: all[at - 1]?.id ?? null, before: all[at + 1]?.id ?? null };
  const back = async () => {
    const { archive_id, plate, hold, printer_id } = item;
    const again = await post("/queue", { archive_id, plate, hold, printer_id });
    await patch(`/queue/${again.id}`, neighbours);
  };
  try {
    await queue.optimistically((items) => items.filter((other) => other.id !== item.id), () => remove(`/queue/${item.id}`));
    say(`${nameOf(item)} left the queue.`, { label: "Undo", run: () => back().catch(complain) }, 10);
  } catch (error) {
    complain(error);
  }
}
