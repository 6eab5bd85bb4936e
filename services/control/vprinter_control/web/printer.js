// What the page says about virtual printers.

/** @import { Bind, Condition, Mode, Printer } from "./api/types.js" */

/** @type {{ mode: Mode, label: string, icon: string, about: string }[]} */
export const MODES = [
  { mode: "immediate", label: "Immediate", icon: "archive", about: "Every file goes straight into the archive." },
  { mode: "review", label: "Review", icon: "inbox", about: "Files wait under Incoming until you approve or discard them." },
  { mode: "queue", label: "Print queue", icon: "queue", about: "Files are archived, and each plate joins the queue." },
  { mode: "proxy", label: "Proxy", icon: "arrow-right", about: "Slicers reach a real printer through this one." },
];

/** @type {Record<Condition, { label: string, tone: string }>} */
export const CONDITIONS = {
  running: { label: "Running", tone: "good" },
  starting: { label: "Starting", tone: "busy" },
  degraded: { label: "Needs attention", tone: "bad" },
  unserved: { label: "Not served", tone: "bad" },
  disabled: { label: "Off", tone: "off" },
};

/** @param {Mode} mode */
export const modeLabel = (mode) => MODES.find((entry) => entry.mode === mode)?.label ?? mode;

/** Where slicers find it: what it announces, or where it is bound. @param {Printer} printer @returns {string[]} */
export function addresses(printer) {
  const announced = Object.values(printer.status.services).map((service) => service.address);
  const told = printer.advertise ? [printer.advertise] : [];
  const fixed = printer.bind.address ? [printer.bind.address] : [];
  const found = [...new Set(announced)].filter((address) => address && address !== "0.0.0.0");
  if (found.length) return found;
  return told.length ? told : fixed;
}

/** Where slicers ask in the clear who is there; a browser can ask there, too. @param {Printer} printer */
export function detectPort(printer) {
  const listeners = printer.status.services.discovery?.listeners ?? [];
  return listeners.find((listener) => listener.name === "detect")?.port ?? 3000;
}

/** "BambuStudio" "02.08.01.55" as people say it. @param {import("./api/types.js").Slicer | null | undefined} slicer */
export function slicerName(slicer) {
  if (!slicer) return null;
  const version = slicer.version?.replace(/\b0+(?=\d)/g, "");
  return [slicer.name.replace("BambuStudio", "Bambu Studio"), version].filter(Boolean).join(" ");
}

/** What is wrong, one sentence each. @param {Printer} printer @returns {{ where: string, why: string }[]} */
export function complaints(printer) {
  const found = Object.values(printer.status.services).flatMap((service) => [
    ...(service.error ? [{ where: service.service, why: service.error }] : []),
    ...service.listeners
      .filter((listener) => listener.error)
      .map((listener) => ({
        where: `${service.service} · ${listener.name} ${listener.address}:${listener.port}`,
        why: listener.error ?? "",
      })),
  ]);
  if (found.length || !printer.status.error || printer.status.state === "starting") return found;
  return [{ where: "", why: printer.status.error }];
}

/** @param {Bind} bind */
export const bindKey = (bind) => (bind.address ? `address:${bind.address}` : bind.interface ? `interface:${bind.interface}` : "any");

/** @param {string} key @returns {Bind} */
export function bindOf(key) {
  if (key === "any") return { any: true };
  const at = key.indexOf(":");
  return { [key.slice(0, at)]: key.slice(at + 1) };
}

// Without 0 O o, 1 I l: codes are read from a screen and typed into a dialog that hides them.
const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/** A fresh access code. */
export function freshCode() {
  const limit = 256 - (256 % LETTERS.length);
  let code = "";
  while (code.length < 8) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < limit) code += LETTERS[byte % LETTERS.length];
  }
  return code;
}
