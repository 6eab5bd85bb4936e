// The one place where templates are bound to Preact.
import htm from "./vendor/htm.js";
import { h } from "./vendor/preact.js";

/** A template that makes Preact elements. @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
