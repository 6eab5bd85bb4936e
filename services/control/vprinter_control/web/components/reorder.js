import { html } from "../html.js";
import { useLayoutEffect, useRef, useState } from "../vendor/hooks.js";
import { Icon } from "./icon.js";

const EDGE = 70;
const SCROLL = 14;

/** @typedef {{ from: number, to: number, shift: number, height: number }} Drag */

/**
 * A list whose rows are moved by their handle: with the pointer, or with the arrow keys.
 * @template {{ id: string }} T
 * @param {{
 *   items: T[], nameOf: (item: T) => string, label: string, locked: boolean,
 *   render: (item: T, handle: any, index: number) => any, onMove: (from: number, to: number) => void,
 * }} props
 */
export function Reorder({ items, nameOf, label, locked, render, onMove }) {
  const [drag, setDrag] = useState(/** @type {Drag | null} */ (null));
  const [said, say] = useState("");
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const refocus = useRef(/** @type {string | null} */ (null));

  // A row that changes its place in the document loses the focus.
  useLayoutEffect(() => {
    if (!refocus.current) return;
    /** @type {HTMLElement | null | undefined} */ (list.current?.querySelector(`[data-handle="${refocus.current}"]`))?.focus();
    refocus.current = null;
  });

  /** @param {number} from @param {number} to */
  const move = (from, to) => {
    const target = Math.max(0, Math.min(items.length - 1, to));
    if (target === from) return;
    refocus.current = items[from].id;
    say(`${nameOf(items[from])}: now ${target + 1} of ${items.length}`);
    onMove(from, target);
  };
  /** @param {KeyboardEvent} event @param {number} index */
  const onKey = (event, index) => {
    /** @type {Record<string, number>} */
    const targets = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: items.length - 1 };
    if (!(event.key in targets)) return;
    event.preventDefault();
    move(index, targets[event.key]);
  };
  /** @param {PointerEvent} event @param {number} index */
  const onDown = (event, index) => {
    if (event.button !== 0 || !list.current) return;
    const handle = /** @type {HTMLElement} */ (event.currentTarget);
    const rows = Array.from(list.current.children, (row) => row.getBoundingClientRect());
    const start = event.clientY + scrollY;
    const gap = rows.length > 1 ? rows[1].top - rows[0].bottom : 0;
    const height = rows[index].height + gap;
    let to = index;
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (moved) => {
      if (moved.clientY < EDGE) scrollBy(0, -SCROLL);
      if (moved.clientY > innerHeight - EDGE) scrollBy(0, SCROLL);
      const shift = moved.clientY + scrollY - start;
      to = Math.max(0, Math.min(rows.length - 1, index + Math.round(shift / height)));
      setDrag({ from: index, to, shift, height });
    };
    const end = (/** @type {boolean} */ keep) => {
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      setDrag(null);
      if (keep) move(index, to);
    };
    handle.onpointerup = () => end(true);
    handle.onpointercancel = () => end(false);
  };
  return html`<ol class="reorder${drag ? " dragging" : ""}" ref=${list} aria-label=${label}>
      ${items.map((item, index) => {
        const handle = html`<button
          type="button"
          class="grip"
          data-handle=${item.id}
          disabled=${locked}
          aria-label="Move ${nameOf(item)}"
          aria-describedby="reorder-help"
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => onKey(event, index)}
          onPointerDown=${(/** @type {PointerEvent} */ event) => onDown(event, index)}
        >
          <${Icon} name="grip" />
        </button>`;
        return html`<li key=${item.id} class=${drag?.from === index ? "lifted" : ""} style=${{ transform: shiftOf(drag, index) }}>
          ${render(item, handle, index)}
        </li>`;
      })}
    </ol>
    <p id="reorder-help" class="visually-hidden">Arrow keys move it up and down, Home and End to either end.</p>
    <p class="visually-hidden" role="status" aria-live="assertive">${said}</p>`;
}

/** How far a row stands away from its place while another is dragged. @param {Drag | null} drag @param {number} index */
function shiftOf(drag, index) {
  if (!drag) return "";
  const { from, to, shift, height } = drag;
  if (index === from) return `translateY(${shift}px)`;
  if (from < index && index <= to) return `translateY(${-height}px)`;
  if (to <= index && index < from) return `translateY(${height}px)`;
  return "";
}
