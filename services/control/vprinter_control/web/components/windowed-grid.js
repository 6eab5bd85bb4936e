import { html } from "../html.js";
import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/hooks.js";

const SPARE_ROWS = 3;
const NEAR_END_ROWS = 6;
const NARROW = 500;

/**
 * A grid of equal cells of which only those near the window exist: ten thousand scroll as ten do.
 * @template T
 * @param {{
 *   items: T[], keyOf: (item: T) => string, render: (item: T) => any, onNearEnd: () => void,
 *   cell: { width: number, height: number }, narrow: { width: number, height: number }, gap: number, label: string,
 * }} props
 */
export function WindowedGrid({ items, keyOf, render, onNearEnd, cell: wide, narrow, gap, label }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  const [rows, setRows] = useState({ first: 0, last: 8 });
  const cell = width < NARROW ? narrow : wide;
  const columns = Math.max(1, Math.floor((width + gap) / (cell.width + gap)));
  const step = cell.height + gap;
  const total = Math.ceil(items.length / columns);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const top = box.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / step) - SPARE_ROWS);
      const last = Math.ceil((innerHeight - top) / step) + SPARE_ROWS;
      setRows((now) => (now.first === first && now.last === last ? now : { first, last }));
    };
    const later = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [step]);

  useEffect(() => {
    if (width && rows.last + NEAR_END_ROWS >= total) onNearEnd();
  }, [rows.last, total, width]);

  const first = Math.min(rows.first, Math.max(0, total - 1));
  const shown = width ? items.slice(first * columns, rows.last * columns) : [];
  const whole = { height: `${Math.max(0, total * step - gap)}px` };
  const inner = {
    transform: `translateY(${first * step}px)`,
    gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
    gridAutoRows: `${cell.height}px`,
    gap: `${gap}px`,
  };
  return html`<div class="windowed" ref=${box} style=${whole}>
    <ul style=${inner} aria-label=${label}>
      ${shown.map(
        (item, index) => html`<li key=${keyOf(item)} aria-setsize=${items.length} aria-posinset=${first * columns + index + 1}>${render(item)}</li>`,
      )}
    </ul>
  </div>`;
}
