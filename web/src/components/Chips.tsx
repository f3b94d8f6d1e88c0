export function Chips({ labels }: { labels: Record<string, string> }) {
  return (
    <span className="chips">
      {Object.entries(labels).map(([key, value]) => (
        <span className="chip" key={key}>
          {key}: {value}
        </span>
      ))}
    </span>
  );
}
