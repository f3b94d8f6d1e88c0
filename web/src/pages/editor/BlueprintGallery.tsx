import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Loaded } from '@/components/Loaded';
import { useText } from '@/i18n/i18n';
import type { Blueprint } from './blueprints';

/** Examples to start from, for a workflow that is still empty. Closed at first, so that the canvas is in reach and stays where it is. */
export function BlueprintGallery({ onChoose }: { onChoose: (source: string) => void }) {
  const text = useText();
  const [find, setFind] = useState('');
  const query = useQuery({ queryKey: ['blueprints'], queryFn: async () => (await import('./blueprints')).BLUEPRINTS, staleTime: Infinity });
  const describe = ({ name, description }: Blueprint) => text.blueprints.describe(name, description);
  const matches = (blueprint: Blueprint) => [blueprint.name, describe(blueprint), ...blueprint.types].some((part) => part.toLowerCase().includes(find.toLowerCase()));
  return (
    <details className="card stack tight" data-testid="blueprints">
      <summary data-testid="blueprints-open">{text.blueprints.title}</summary>
      <input className="native" type="search" data-testid="blueprint-search" aria-label={text.blueprints.find} placeholder={text.blueprints.find} value={find} onChange={(event) => setFind(event.target.value)} />
      <Loaded query={query} lines={3}>
        {(blueprints) => (
          <ul className="blueprints">
            {blueprints.filter(matches).map((blueprint) => (
              <li key={blueprint.name}>
                <button className="plain blueprint" data-testid={`blueprint-${blueprint.name}`} onClick={() => onChoose(blueprint.source)}>
                  <strong>{blueprint.name}</strong>
                  <span>{describe(blueprint)}</span>
                  <span className="chips">
                    {blueprint.types.map((type) => (
                      <span className="chip" key={type}>
                        {type}
                      </span>
                    ))}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </details>
  );
}
