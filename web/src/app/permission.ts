export type Permission = 'read' | 'execute' | 'write' | 'owner';

const RANKS: Permission[] = ['read', 'execute', 'write', 'owner'];

/** Whether a permission includes what is needed. A server that does not say leaves the decision to its answer. */
export function permits(permission: Permission | undefined, needed: Permission): boolean {
  return permission === undefined || RANKS.indexOf(permission) >= RANKS.indexOf(needed);
}
