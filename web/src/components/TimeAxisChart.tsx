import { useMemo } from 'react';
import { useText } from '@/i18n/i18n';
import { formatDuration, useFormatTime, useZone } from '@/preferences/time';
import { toneOf } from './states';
import { axisTicks } from './timeAxis';

export interface AxisBar {
  key: string;
  from: number;
  to: number;
  state: string;
  title: string;
  path?: string;
  /** The part before the bar in which it waited, from this time on. */
  waitedFrom?: number;
}

export interface AxisRow {
  key: string;
  name: string;
  path?: string;
  bars: AxisBar[];
  testId?: string;
}

interface TimeAxisChartProps {
  rows: AxisRow[];
  from: number;
  to: number;
  now?: number;
  label: string;
  testId?: string;
  onOpen: (path: string) => void;
}

/** The part of the axis at each end that has no text. */
const EDGE = 0.03;

/** Bars of rows on a true axis of time. A bar is never thinner than two pixels. */
export function TimeAxisChart({ rows, from, to, now, label, testId, onOpen }: TimeAxisChartProps) {
  const zone = useZone();
  // A text at an edge would be cut.
  const ticks = useMemo(() => axisTicks(from, to, zone).filter(({ at }) => at - from > (to - from) * EDGE && to - at > (to - from) * EDGE), [from, to, zone]);
  const place = (at: number) => `${(100 * (Math.min(Math.max(at, from), to) - from)) / Math.max(to - from, 1)}%`;
  return (
    <div className="axis-chart" role="group" aria-label={label} data-testid={testId}>
      <div className="axis-rows">
        {rows.map((row) => (
          <div className="axis-row" key={row.key} data-testid={row.testId}>
            <AxisName row={row} onOpen={onOpen} />
            <div className="axis-lane">
              {row.bars.map((bar) => (
                <Bar key={bar.key} bar={bar} place={place} onOpen={onOpen} />
              ))}
              {now !== undefined && <span className="axis-now" style={{ left: place(now) }} />}
            </div>
          </div>
        ))}
      </div>
      <div className="axis-row axis-ticks" aria-hidden="true">
        <span />
        <div className="axis-lane">
          {ticks.map((tick) => (
            <span key={tick.at} style={{ left: place(tick.at) }}>
              {tick.text}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}

function AxisName({ row, onOpen }: { row: AxisRow; onOpen: (path: string) => void }) {
  const { path } = row;
  return path ? (
    <button className="plain axis-name" title={row.name} onClick={() => onOpen(path)}>
      {row.name}
    </button>
  ) : (
    <span className="axis-name" title={row.name}>
      {row.name}
    </span>
  );
}

function Bar({ bar, place, onOpen }: { bar: AxisBar; place: (at: number) => string; onOpen: (path: string) => void }) {
  const words: Record<string, string> = useText().states;
  const format = useFormatTime();
  const { path } = bar;
  const span = bar.to > bar.from ? `, ${formatDuration(bar.to - bar.from)}` : '';
  const title = `${bar.title} · ${words[bar.state] ?? bar.state} · ${format(bar.from, 3)}${span}`;
  const style = { left: place(bar.from), width: `max(2px, calc(${place(bar.to)} - ${place(bar.from)}))` };
  const waited = bar.waitedFrom !== undefined && bar.waitedFrom < bar.from && (
    <span className="axis-wait" style={{ left: place(bar.waitedFrom), width: `calc(${place(bar.from)} - ${place(bar.waitedFrom)})` }} />
  );
  const className = `axis-bar tone-${toneOf(bar.state)}${bar.to === bar.from ? ' moment' : ''}`;
  return (
    <>
      {waited}
      {path ? (
        <button className={`plain ${className}`} style={style} title={title} aria-label={title} data-state={bar.state} onClick={() => onOpen(path)} />
      ) : (
        <span className={className} style={style} title={title} data-state={bar.state} />
      )}
    </>
  );
}
