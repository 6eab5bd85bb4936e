import { html } from "../html.js";
import { dismiss, toasts } from "../state/toasts.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";

/** Messages at the edge of the page. */
export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      (toast) => html`<div key=${toast.id} class="toast ${toast.kind}">
        <${Icon} name=${toast.kind === "done" ? "check" : "alert"} />
        <div class="toast-text"><span>${toast.text}</span>${toast.hint && html`<small>${toast.hint}</small>`}</div>
        ${toast.action &&
        html`<${Button}
          small
          kind="quiet"
          onClick=${() => {
            dismiss(toast.id);
            toast.action?.run();
          }}
          >${toast.action.label}<//
        >`}
        <${Button} small kind="quiet" icon="close" label="Dismiss" onClick=${() => dismiss(toast.id)} />
      </div>`,
    )}
  </div>`;
}
