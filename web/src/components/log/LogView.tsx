import { useVirtualizer } from '@tanstack/react-virtual';
import { Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { send } from '@/api/client';
import { saveFile } from '@/api/saveFile';
import { useText } from '@/i18n/i18n';
import { ErrorPanel } from '../ErrorPanel';
import { Loading } from '../Loading';
import { useNotices } from '../notices';
import { LogLineView } from './LogLineView';
import { LogSearch } from './LogSearch';
import { logPath, useLog, type LogPosition } from './useLog';

/** Bytes of one request of a download. */
const DOWNLOAD_PART = 1024 * 1024;
/** Distance from an end at which more is read, in pixels. */
const NEAR_PX = 400;

function offsetOfHash(): number | null {
  const match = /^#L(\d+)$/.exec(window.location.hash);
  return match ? Number(match[1]) : null;
}

/** The log of an attempt: opens at its end, follows, searches, links to lines. */
export function LogView(position: LogPosition) {
  const text = useText();
  const notices = useNotices();
  const [from] = useState(offsetOfHash);
  const [follow, setFollow] = useState(from === null);
  const [wrap, setWrap] = useState(true);
  const [full, setFull] = useState(false);
  const [marked, setMarked] = useState(from);
  const { log, size, error, open, readEarlier, readLater } = useLog(position, from);
  const frame = useRef<HTMLDivElement>(null);
  const lines = log?.lines ?? [];
  // eslint-disable-next-line react-hooks/incompatible-library -- The virtualizer measures the page, which cannot be memoised.
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => 20,
    overscan: 20,
    getItemKey: (index) => lines[index]?.offset ?? index,
  });
  const atEnd = Boolean(log && log.end >= size);
  useEffect(() => {
    if (follow && atEnd && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [follow, atEnd, lines.length, wrap, rows]);

  // A chosen line is shown once its part is there.
  const wanted = useRef(from);
  useEffect(() => {
    const index = wanted.current === null ? -1 : lines.findIndex((line) => line.offset === wanted.current);
    if (index < 0) return;
    wanted.current = null;
    rows.scrollToIndex(index, { align: 'start' });
  });

  const onScroll = async () => {
    const element = frame.current;
    if (!element || wanted.current !== null) return;
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (follow && below > NEAR_PX) setFollow(false);
    if (element.scrollTop < NEAR_PX && !follow) {
      const added = await readEarlier();
      if (added > 0) rows.scrollToIndex(added, { align: 'start' });
    } else if (below < NEAR_PX) {
      await readLater();
    }
  };
  const jump = (offset: number) => {
    setFollow(false);
    setMarked(offset);
    wanted.current = offset;
    void open(offset);
  };
  const toEnd = () => {
    setFollow(true);
    setMarked(null);
    if (!atEnd) void open(null);
  };
  const download = async () => {
    try {
      const parts: Blob[] = [];
      for (let at = 0, last = false; !last; ) {
        const response = await send('GET', `${logPath(position)}?offset=${at}&limit=${DOWNLOAD_PART}`);
        parts.push(await response.blob());
        const next = Number(response.headers.get('Porpoise-Next-Offset') ?? at);
        last = next === at || next >= Number(response.headers.get('Porpoise-Log-Size') ?? next);
        at = next;
      }
      saveFile(`${position.id}-${position.task}-${position.attempt}.log`, new Blob(parts), 'text/plain');
    } catch (problem) {
      notices.showError(problem);
    }
  };
  return (
    <section className={`log${full ? ' full' : ''}`} aria-label={text.log.title}>
      <div className="log-tools">
        <LogSearch position={position} onJump={jump} />
        <label className="small row tight">
          <input type="checkbox" data-testid="log-follow" checked={follow} onChange={() => (follow ? setFollow(false) : toEnd())} /> {text.log.follow}
        </label>
        <label className="small row tight">
          <input type="checkbox" data-testid="log-wrap" checked={wrap} onChange={() => setWrap(!wrap)} /> {text.log.wrap}
        </label>
        <Button size="small" onClick={() => jump(0)}>
          {text.log.toStart}
        </Button>
        <Button size="small" onClick={toEnd}>
          {text.log.toEnd}
        </Button>
        <Button size="small" data-testid="log-download" onClick={() => void download()}>
          {text.common.download}
        </Button>
        <Button size="small" onClick={() => setFull(!full)}>
          {full ? text.log.leaveFull : text.log.full}
        </Button>
      </div>
      {Boolean(error) && <ErrorPanel error={error} onRetry={() => void open(null)} />}
      {!log && !error && <Loading />}
      {log && (
        <div ref={frame} className="log-view" data-testid="log-view" data-wrap={wrap} tabIndex={0} role="log" aria-live="off" aria-label={text.log.title} onScroll={() => void onScroll()}>
          {lines.length === 0 && <p className="muted">{text.log.empty}</p>}
          <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
            {rows.getVirtualItems().map((item) => {
              const line = lines[item.index];
              return line && <LogLineView key={item.key} ref={rows.measureElement} index={item.index} top={item.start} line={line} marked={line.offset === marked} />;
            })}
          </div>
        </div>
      )}
    </section>
  );
}
