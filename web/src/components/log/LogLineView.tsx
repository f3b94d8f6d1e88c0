import type { Ref } from 'react';
import { useText } from '@/i18n/i18n';
import { parseAnsi } from './ansi';
import type { LogLine } from './logWindow';

interface LogLineViewProps {
  ref: Ref<HTMLDivElement>;
  index: number;
  top: number;
  line: LogLine;
  marked: boolean;
}

export function LogLineView({ ref, index, top, line, marked }: LogLineViewProps) {
  const text = useText();
  return (
    <div ref={ref} data-index={index} id={`L${line.offset}`} className={marked ? 'log-line marked' : 'log-line'} style={{ transform: `translateY(${top}px)` }}>
      <a href={`${window.location.pathname}${window.location.search}#L${line.offset}`} aria-label={text.log.linkToLine(line.offset)}>
        #
      </a>
      <span>
        {parseAnsi(line.text).map((span, at) =>
          span.colour === undefined && !span.bold ? (
            span.text
          ) : (
            <span key={at} style={{ color: span.colour === undefined ? undefined : `var(--ansi-${span.colour % 8})`, fontWeight: span.bold ? 600 : undefined }}>
              {span.text}
            </span>
          ),
        )}
        {line.text === '' && '\u00a0'}
      </span>
    </div>
  );
}
