import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

export function workflowPath(project: string, workflow: string): string {
  return `/projects/${encodeURIComponent(project)}/workflows/${encodeURIComponent(workflow)}`;
}

interface WorkflowLinkProps {
  project: string;
  workflow: string;
  tab?: string;
  children?: ReactNode;
}

export function WorkflowLink({ project, workflow, tab, children }: WorkflowLinkProps) {
  return (
    <Link to="/projects/$project/workflows/$workflow" params={{ project, workflow }} search={tab ? { tab } : {}}>
      {children ?? `${project}/${workflow}`}
    </Link>
  );
}

interface InstanceLinkProps {
  id: string;
  search?: Record<string, string>;
  children?: ReactNode;
}

export function InstanceLink({ id, search = {}, children }: InstanceLinkProps) {
  return (
    <Link to="/instances/$id" params={{ id }} search={search}>
      {children ?? `#${id}`}
    </Link>
  );
}
