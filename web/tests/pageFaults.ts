// What is wrong with a page that is shown, in words: accessibility, and where its parts stand.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Axe {
  run: (options: object) => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
}

/** Findings of axe that are serious or critical. */
export async function findBarriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: Axe }).axe.run({ resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  });
}

/** The page or a table scrolls sideways, a control is covered by something else, or two texts are written over each other. */
export async function findMisplaced(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const main = document.querySelector('main');
    const wide = Math.max(document.documentElement.scrollWidth - innerWidth, (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0));
    if (wide > 1) faults.push(`${wide} pixels too wide`);

    for (const frame of document.querySelectorAll('.table-frame')) {
      const more = frame.scrollWidth - frame.clientWidth;
      if (more > 1) faults.push(`a table is ${more} pixels too wide: ${(frame.textContent ?? '').slice(0, 40)}`);
    }

    const describe = (element: Element) => `<${element.tagName.toLowerCase()} ${element.getAttribute('data-testid') ?? element.className}> "${(element.textContent ?? '').trim().slice(0, 40)}"`;
    const isShown = (element: Element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    /** What is left of a box within the window and within what clips it. */
    const clip = (element: Element, box: DOMRect) => {
      let [left, top, right, bottom] = [Math.max(box.left, 0), Math.max(box.top, 0), Math.min(box.right, innerWidth), Math.min(box.bottom, innerHeight)];
      for (let at: Element | null = element; at; at = at.parentElement) {
        if (getComputedStyle(at).overflow === 'visible') continue;
        const outer = at.getBoundingClientRect();
        [left, top, right, bottom] = [Math.max(left, outer.left), Math.max(top, outer.top), Math.min(right, outer.right), Math.min(bottom, outer.bottom)];
      }
      return { left, top, right, bottom };
    };
    const isLayer = (element: Element) => element.closest('.react-flow, .graph-frame, [role=dialog], [aria-hidden=true]') !== null;

    for (const control of document.querySelectorAll('button, a[href], input, select, textarea, summary')) {
      if (!isShown(control) || isLayer(control)) continue;
      const { left, top, right, bottom } = clip(control.parentElement ?? control, control.getBoundingClientRect());
      if (right - left < 4 || bottom - top < 4) continue;
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      const label = control.closest('label, .ant-select, .ant-picker, .ant-input-affix-wrapper');
      if (hit && !control.contains(hit) && !hit.contains(control) && !label?.contains(hit)) {
        faults.push(`${describe(control)} is covered by ${describe(hit)}`);
      }
    }

    const texts: { element: Element; left: number; top: number; right: number; bottom: number }[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!element || !node.textContent?.trim() || !isShown(element) || isLayer(element)) continue;
      if (element.closest('script, style, option, .cm-editor, .visually-hidden')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const line of range.getClientRects()) {
        const box = clip(element, line);
        if (box.right - box.left > 2 && box.bottom - box.top > 2) texts.push({ element, ...box });
      }
    }
    for (const [index, one] of texts.entries()) {
      for (const two of texts.slice(index + 1)) {
        if (one.element === two.element) continue;
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        // Lines of one text share the space between them.
        if (across > 2 && down > 5) faults.push(`${describe(one.element)} is written over ${describe(two.element)}`);
      }
    }
    return faults;
  });
}
