// What the page says about real printers.

/** @import { Allow, RealStatus } from "./api/types.js" */

/** @type {Record<RealStatus["state"], { label: string, tone: string }>} */
export const REAL_CONDITIONS = {
  online: { label: "Online", tone: "good" },
  offline: { label: "Offline", tone: "off" },
  attention: { label: "Needs attention", tone: "bad" },
  unwatched: { label: "Not watched", tone: "warn" },
};

/** @type {{ allow: Allow, label: string, about: string }[]} */
export const POLICIES = [
  { allow: "view", label: "View only", about: "Slicers see status and progress, and change nothing." },
  { allow: "files", label: "Send files", about: "Slicers also send, list and delete files, but start nothing." },
  { allow: "control", label: "Full control", about: "Slicers do everything, as if they stood in front of it." },
];

/** @type {{ ftp: "terminate" | "passthrough", label: string, about: string }[]} */
export const FTP_WAYS = [
  { ftp: "terminate", label: "Terminate (usual)", about: "Files pass through with our certificate: the slicer must trust it. Works through one address." },
  { ftp: "passthrough", label: "Pass through", about: "The printer's own certificate reaches the slicer, which then needs no other for files. Nothing can be kept." },
];

const PORTS = /** @type {Record<number, string>} */ ({ 8883: "MQTT", 990: "FTPS", 6000: "Camera", 322: "Camera" });

/** A relayed port, as people know it. @param {number | null} port */
export const portName = (port) => (port === null ? "" : PORTS[port] ? `${PORTS[port]} ${port}` : `Port ${port}`);

/** "Printing", from RUNNING. @param {string} state */
export function printing(state) {
  const known = /** @type {Record<string, string>} */ ({ RUNNING: "Printing", PAUSE: "Paused", PREPARE: "Preparing", FINISH: "Finished", FAILED: "Failed", IDLE: "Idle" });
  return known[state] ?? state.toLowerCase();
}

/** Temperatures that are known, hottest part first. @param {RealStatus} status @returns {{ label: string, celsius: number }[]} */
export function temperatures(status) {
  const all = [
    { label: "Nozzle", celsius: status.nozzle_celsius },
    { label: "Bed", celsius: status.bed_celsius },
    { label: "Chamber", celsius: status.chamber_celsius },
  ];
  return /** @type {{ label: string, celsius: number }[]} */ (all.filter((one) => one.celsius !== null));
}

/** Colons make 64 digits comparable. @param {string} fingerprint */
export const grouped = (fingerprint) => fingerprint.toUpperCase().match(/.{2}/g)?.join(":") ?? fingerprint;
