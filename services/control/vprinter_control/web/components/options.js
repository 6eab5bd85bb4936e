import { html } from "../html.js";

/**
 * Options of a select. Each knows whether it is the picked one, so that the pick holds when options come later.
 * @param {{ options: { id: string, name: string, disabled?: boolean }[], value: string | null }} props
 */
export function Options({ options, value }) {
  return options.map(
    ({ id, name, disabled }) => html`<option key=${id} value=${id} selected=${id === (value ?? "")} disabled=${disabled}>${name}</option>`,
  );
}
