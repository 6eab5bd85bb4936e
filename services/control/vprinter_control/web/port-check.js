// Runs in a sandboxed frame: asks a printer's detect port for an answer and tells the page how that went.
// A browser cannot speak the slicers' protocols and cannot tell a refusal from a foreign answer, but it can tell either
// from silence, which is what a firewall or a wrong address looks like.
"use strict";

const PATIENCE = 4000;

window.addEventListener("message", async (event) => {
  const { address, port } = event.data ?? {};
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address) || !Number.isInteger(port)) return;
  const started = performance.now();
  let answered = true;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    await fetch(`http://${address}:${port}/`, { mode: "no-cors", cache: "no-store", credentials: "omit", signal });
  } catch (error) {
    answered = !(error instanceof DOMException && error.name === "TimeoutError");
  }
  const seconds = (performance.now() - started) / 1000;
  parent.postMessage({ kind: "port-check", address, port, answered, seconds }, "*");
});
