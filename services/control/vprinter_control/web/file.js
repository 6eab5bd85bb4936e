// What the page says about received files.

/** @import { FileItem, Plate } from "./api/types.js" */

/** @param {Plate[]} plates @param {"seconds" | "grams"} what */
function sum(plates, what) {
  const known = plates.map((plate) => plate[what]).filter((value) => typeof value === "number");
  return known.length ? known.reduce((total, value) => total + value, 0) : null;
}

/** @param {FileItem} file */
export const totalSeconds = (file) => sum(file.plates, "seconds");

/** @param {FileItem} file */
export const totalGrams = (file) => sum(file.plates, "grams");

/** Who sent it: the owner of the code, else the address. @param {{ owner: string, client: string }} file */
export const sender = (file) => file.owner || file.client;

/** @param {Plate} plate */
export const plateName = (plate) => (plate.name ? `Plate ${plate.index}: ${plate.name}` : `Plate ${plate.index}`);

/** "a, b" as tags, each once. @param {string} text */
export const tagsOf = (text) => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
