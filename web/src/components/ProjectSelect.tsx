import { api } from '@/api/client';
import { useText } from '@/i18n/i18n';

interface ProjectSelectProps {
  /** Empty for all. */
  value: string;
  onChange: (project: string | undefined) => void;
}

export function ProjectSelect({ value, onChange }: ProjectSelectProps) {
  const text = useText();
  const { data } = api.useQuery('get', '/api/v1/projects', { params: { query: { limit: 200 } } });
  return (
    <select className="native" data-testid="filter-project" value={value} onChange={(event) => onChange(event.target.value || undefined)}>
      <option value="">{text.common.all}</option>
      {value && !data?.items.some(({ name }) => name === value) && <option>{value}</option>}
      {data?.items.map(({ name }) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
