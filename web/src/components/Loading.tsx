import { useText } from '@/i18n/i18n';

export function Loading({ lines = 4 }: { lines?: number }) {
  const text = useText();
  return (
    <div className="skeleton" role="status" aria-label={text.common.loading}>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} style={{ width: `${90 - ((index * 17) % 40)}%` }} />
      ))}
    </div>
  );
}
