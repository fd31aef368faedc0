/** Pictures that come by a button, by drag and drop, or from the clipboard. */

/**
 * Calls `open` with each picture file that comes.
 *
 * @param {{button: HTMLElement, input: HTMLInputElement, target: HTMLElement}} elements `target` shows that a file
 *     may be dropped; it may be dropped anywhere.
 * @param {function(File)} open
 */
export function listenToPictures({ button, input, target }, open) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = ""; // Else the same file could not be opened again.
    if (file) open(file);
  });
  document.addEventListener("paste", (event) => {
    const file = fileOf(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    open(file);
  });
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // Else the browser would leave the page for the file.
    target.classList.add("dropping");
  });
  for (const type of ["dragleave", "drop", "dragend"]) {
    document.addEventListener(type, (event) => {
      if (type !== "dragleave" || !event.relatedTarget) target.classList.remove("dropping");
    });
  }
  document.addEventListener("drop", (event) => {
    const file = fileOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    open(file);
  });
}

function fileOf(data) {
  return [...(data?.files ?? [])][0] ?? null;
}
