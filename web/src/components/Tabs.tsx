import { Link } from '@tanstack/react-router';

interface TabsProps {
  tabs: { name: string; title: string }[];
  current: string;
  label: string;
}

/** Tabs as links: each has an address. */
export function Tabs({ tabs, current, label }: TabsProps) {
  return (
    <div className="tabs" role="tablist" aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.name} to="." search={{ tab: tab.name }} role="tab" aria-selected={tab.name === current} data-testid={`tab-${tab.name}`} resetScroll={false}>
          {tab.title}
        </Link>
      ))}
    </div>
  );
}
