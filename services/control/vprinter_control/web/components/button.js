import { html } from "../html.js";
import { useState } from "../vendor/hooks.js";
import { Icon } from "./icon.js";

/**
 * A button; while its action runs it cannot be pressed again.
 * @param {{
 *   children?: any, icon?: string, label?: string, kind?: "primary" | "plain" | "quiet" | "danger", small?: boolean,
 *   onClick?: (event: Event) => unknown, disabled?: boolean, type?: string, [name: string]: any,
 * }} props
 */
export function Button({ children, icon, label, kind = "plain", small = false, onClick, disabled, type = "button", ...rest }) {
  const [busy, setBusy] = useState(false);
  /** @param {Event} event */
  const press = async (event) => {
    const work = onClick?.(event);
    if (!(work instanceof Promise)) return;
    setBusy(true);
    try {
      await work;
    } finally {
      setBusy(false);
    }
  };
  const classes = `button ${kind}${small ? " small" : ""}${children ? "" : " square"}`;
  return html`<button
    type=${type}
    class=${classes}
    aria-label=${label}
    title=${label}
    aria-busy=${busy}
    disabled=${disabled || busy}
    onClick=${press}
    ...${rest}
  >
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
  </button>`;
}
