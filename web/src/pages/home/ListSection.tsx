import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ListResult } from '@/api/useList';
import { ErrorPanel } from '@/components/ErrorPanel';
import { Loading } from '@/components/Loading';
import { useText } from '@/i18n/i18n';
import { Section } from './Section';

/** Rows of a section at most; the rest is behind its link. */
const MOST = 6;

interface ListSectionProps<T> {
  title: string;
  testId: string;
  list: ListResult<unknown>;
  rows: T[];
  nothing: string;
  /** The search of the page with all of them. */
  all: Record<string, string>;
  children: (row: T) => ReactNode;
}

export function ListSection<T>({ title, testId, list, rows, nothing, all, children }: ListSectionProps<T>) {
  const text = useText();
  const link = (
    <Link to="/instances" search={all} className="small">
      {text.common.showAll}
    </Link>
  );
  return (
    <Section title={title} testId={testId} aside={link}>
      {list.error && <ErrorPanel error={list.error} onRetry={() => void list.refetch()} />}
      {!list.rows && !list.error && <Loading lines={3} />}
      {list.rows && rows.length === 0 && <p className="muted">{nothing}</p>}
      <ul className="list">{rows.slice(0, MOST).map(children)}</ul>
      {rows.length > MOST && <p className="muted small">{text.home.more(rows.length - MOST)}</p>}
    </Section>
  );
}
