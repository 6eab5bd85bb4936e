import { html } from "../html.js";
import { useEffect, useId, useRef } from "../vendor/hooks.js";
import { Button } from "./button.js";

/**
 * A modal dialog for as long as it is rendered. The browser keeps the focus in it, and gives it back at the end.
 * @param {{ title: string, onClose: () => void, children?: any, wide?: boolean, side?: boolean }} props
 */
export function Dialog({ title, onClose, children, wide = false, side = false }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  /** @param {MouseEvent} event */
  const outside = (event) => {
    if (event.target === box.current) onClose();
  };
  /** @param {Event} event */
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const classes = `dialog${wide ? " wide" : ""}${side ? " side" : ""}`;
  return html`<dialog ref=${box} class=${classes} aria-labelledby=${id} onCancel=${cancel} onMouseDown=${outside}>
    <header>
      <h2 id=${id} tabindex="-1" autofocus=${side}>${title}</h2>
      <${Button} kind="quiet" icon="close" label="Close" onClick=${onClose} />
    </header>
    ${children}
  </dialog>`;
}

/**
 * Asks before something that cannot be undone.
 * @param {{ title: string, action: string, onClose: () => void, onConfirm: () => unknown, children?: any }} props
 */
export function Confirm({ title, action, onClose, onConfirm, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <div class="dialog-body">${children}</div>
    <footer>
      <${Button} onClick=${onClose}>Cancel<//>
      <${Button} kind="danger" onClick=${onConfirm}>${action}<//>
    </footer>
  <//>`;
}
