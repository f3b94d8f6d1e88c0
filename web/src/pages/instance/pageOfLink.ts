const PAGES: [RegExp, (parts: string[]) => string][] = [
  [/^\/instances\/(\d+)\/tasks\/(.+)$/, ([id, task]) => `/instances/${id}?task=${task}`],
  [/^\/instances\/(\d+)\/ownership$/, ([id]) => `/instances/${id}?tab=ownership`],
  [/^\/instances\/(\d+)$/, ([id]) => `/instances/${id}`],
  [/^\/nodes$/, () => '/cluster'],
  [/^\/projects\/([^/]+)\/limits\/.+$/, ([project]) => `/projects/${project}/limits`],
  [/^\/limits\/.+$/, () => '/admin/limits'],
  [/^\/projects\/([^/]+)$/, ([project]) => `/projects/${project}/settings`],
];

/** Returns the page of what a path of the API names; null where there is none. */
export function pageOfLink(link: string | null | undefined): string | null {
  const path = link?.replace(/^\/api\/v1/, '');
  if (!path) return null;
  for (const [pattern, page] of PAGES) {
    const match = pattern.exec(path);
    if (match) return page(match.slice(1));
  }
  return null;
}
