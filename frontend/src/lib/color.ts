/** A colour of the page's own, as a canvas takes it, in the scheme that is shown. */
export function color(name: string): string {
  // A custom property with light-dark() is resolved only where it is used as a colour.
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
