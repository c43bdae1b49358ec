// The few things the page does to the document.

/** The element with this id; the page is broken without it. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element #${id}`);
  return found as T;
}

/** A new element with a class and with what it contains. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...content: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** Sets the text, touching the document only when it differs. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Lights an element up for a moment, in the colour of a rise or a fall. */
export function flash(element: HTMLElement, way: "up" | "down" | "new"): void {
  if (still.matches) return;
  const colour = getComputedStyle(document.documentElement).getPropertyValue(`--flash-${way}`);
  element.animate([{ backgroundColor: colour }, { backgroundColor: "transparent" }], { duration: 900, easing: "ease-out" });
}
