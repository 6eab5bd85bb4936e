import { html } from "../html.js";
import { useEffect } from "../vendor/hooks.js";
import { interfaces, loadHost, printerName } from "../state/store.js";
import { valueOf } from "./field.js";
import { Options } from "./options.js";

/** @import { HostAddress, Printer } from "../api/types.js" */

/**
 * Where a printer listens: everywhere, on an interface, or on one address of this host.
 * @param {{ value: string, printer: Printer | null, onChange: (value: string) => void, [name: string]: any }} props
 */
export function BindSelect({ value, printer, onChange, ...rest }) {
  useEffect(() => {
    loadHost().catch(() => {});
  }, []);
  const known = interfaces.value;
  useEffect(() => {
    if (!value && known.length) onChange(firstFree(known.flatMap((one) => one.addresses)));
  }, [value, known]);
  const keys = known.flatMap((one) => [`interface:${one.name}`, ...one.addresses.map(({ address }) => `address:${address}`)]);
  const gone = value && value !== "any" && !keys.includes(value);
  const own = known.flatMap((one) => one.addresses.map((address) => addressOption(address, one.name, printer)));
  const whole = known.map((one) => ({ id: `interface:${one.name}`, name: `${one.name}${one.is_default ? " (default route)" : ""}` }));
  const others = [
    { id: "any", name: "Every address of this host" },
    ...(gone ? [{ id: value, name: `${value.slice(value.indexOf(":") + 1)} (not on this host now)` }] : []),
  ];
  return html`<select name="bind" value=${value} onChange=${(/** @type {Event} */ event) => onChange(valueOf(event))} ...${rest}>
    <${Options} options=${others} value=${value} />
    <optgroup label="One address"><${Options} options=${own} value=${value} /></optgroup>
    <optgroup label="Whatever address an interface has"><${Options} options=${whole} value=${value} /></optgroup>
  </select>`;
}

/** @param {HostAddress} address @param {string} name of the interface @param {Printer | null} printer */
function addressOption(address, name, printer) {
  const other = taken(address, printer);
  return { id: `address:${address.address}`, name: `${address.address} on ${name}${other ? `, used by ${other}` : ""}`, disabled: Boolean(other) };
}

/** @param {HostAddress} address @param {Printer | null} printer */
function taken(address, printer) {
  return address.printer_id && address.printer_id !== printer?.id ? printerName(address.printer_id) : null;
}

/** @param {HostAddress[]} addresses */
function firstFree(addresses) {
  const outward = addresses.filter(({ address }) => !address.startsWith("127."));
  const free = outward.find(({ printer_id: id }) => !id);
  return free ? `address:${free.address}` : "any";
}
