import { html } from "../html.js";
import { cloneElement } from "../vendor/preact.js";
import { useId } from "../vendor/hooks.js";
import { Icon } from "./icon.js";

/**
 * A labelled control with its hint and, if something is wrong with it, why.
 * @param {{ label: string, hint?: any, error?: string | null, children: any, optional?: boolean }} props
 */
export function Field({ label, hint, error, children, optional = false }) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const control = cloneElement(children, {
    id,
    "aria-describedby": described || null,
    "aria-invalid": error ? "true" : null,
  });
  return html`<div class="field">
    <label for=${id}>${label}${optional && html` <small>optional</small>`}</label>
    ${control}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${error && html`<p class="field-error" id="${id}-error"><${Icon} name="alert" />${error}</p>`}
  </div>`;
}

/** @param {{ label: any, checked: boolean, onChange: (checked: boolean) => void, disabled?: boolean }} props */
export function Switch({ label, checked, onChange, disabled }) {
  /** @param {Event} event */
  const change = (event) => onChange(/** @type {HTMLInputElement} */ (event.target).checked);
  return html`<label class="switch">
    <input type="checkbox" role="switch" checked=${checked} disabled=${disabled} onChange=${change} />
    <span class="track" aria-hidden="true"></span>
    <span class="switch-label">${label}</span>
  </label>`;
}

/** Text of an input event. @param {Event} event */
export const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;
