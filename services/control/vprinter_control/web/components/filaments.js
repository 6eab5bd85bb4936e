import { html } from "../html.js";
import { grams } from "../format.js";

/** @import { Filament, Plate } from "../api/types.js" */

/** What a print takes, over all plates: one entry for each material and colour. @param {Plate[]} plates */
export function filamentsOf(plates) {
  /** @type {Map<string, Filament>} */
  const found = new Map();
  for (const filament of plates.flatMap((plate) => plate.filaments ?? [])) {
    const key = `${filament.type} ${filament.color}`;
    const known = found.get(key);
    const sum = known ? (known.grams ?? 0) + (filament.grams ?? 0) : filament.grams;
    found.set(key, { ...filament, grams: sum });
  }
  return [...found.values()];
}

/** @param {Filament} filament */
const describe = ({ type, color, grams: weight }) => [type ?? "unknown material", color, grams(weight)].filter(Boolean).join(", ");

/** @param {{ color: string | null, title?: string }} props */
export function Swatch({ color, title }) {
  const style = color ? { backgroundColor: color } : {};
  return html`<i class="swatch${color ? "" : " unknown"}" style=${style} title=${title} role="img" aria-label=${title}></i>`;
}

/** The colours that a print takes. @param {{ plates: Plate[], names?: boolean, most?: number }} props */
export function Swatches({ plates, names = false, most = 8 }) {
  const filaments = filamentsOf(plates);
  if (!filaments.length) return null;
  const types = [...new Set(filaments.map((filament) => filament.type).filter(Boolean))];
  return html`<span class="swatches">
    ${filaments.slice(0, most).map((filament) => html`<${Swatch} color=${filament.color} title=${describe(filament)} />`)}
    ${filaments.length > most && html`<small>+${filaments.length - most}</small>`}
    ${names && types.length > 0 && html`<span>${types.join(", ")}</span>`}
  </span>`;
}
