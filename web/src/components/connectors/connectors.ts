import { useQuery } from '@tanstack/react-query';
import { sendJson } from '@/api/client';
import type { JsonSchema } from '@/api/jsonSchema';
import { useList } from '@/api/useList';
import { isWide, type FieldSpec } from '@/components/FormField';
import { bodyOf, specsOf, valuesOf, type FormValues } from '@/components/schemaForm';
import { useText } from '@/i18n/i18n';

/** A connection or a channel: its other members are the fields of its type. */
export interface Connector {
  name: string;
  type: string;
  shared: boolean;
  description?: string;
  updated_at?: string;
  updated_by?: string;
}

interface ConnectorType {
  name: string;
  title: string;
  schema: JsonSchema;
}

const NO_FIELDS: JsonSchema = {};

/** The form of connections or of channels, from the types of the API and the schema of each. */
export function useConnectorForm(typesPath: string, names: Record<string, string[]>) {
  const text = useText();
  const { data: types = [] } = useQuery({
    queryKey: ['get', typesPath, 'types'],
    queryFn: async () => (await sendJson<{ items: ConnectorType[] }>('GET', `${typesPath}?limit=200`)).items,
    staleTime: 600_000,
  });
  const schemaOf = (type: string | undefined) => (types.find(({ name }) => name === type) ?? types[0])?.schema ?? NO_FIELDS;
  const words: Record<string, string> = text.connectors.fields;
  const texts = {
    ...text.connectors.form,
    label: (key: string) => words[key] ?? key,
    hint: text.schemaText,
    byDefault: text.editor.byDefault,
    none: text.common.none,
    yes: text.common.yes,
    no: text.common.no,
  };
  return {
    titleOf: (type: string) => types.find(({ name }) => name === type)?.title ?? type,
    fields: (row: Connector | null, values: FormValues): FieldSpec[] => [
      { name: 'name', label: text.common.name, required: true, fixed: row !== null },
      {
        name: 'type',
        label: text.common.type,
        kind: 'choice',
        choices: types.map(({ name, title }) => ({ value: name, label: title })),
        hint: text.schemaText(schemaOf(values.type).properties?.type?.description ?? ''),
      },
      ...arrange(specsOf(schemaOf(values.type), values, { stored: row?.type === values.type ? row : null, texts, names })),
    ],
    valuesOf: (row: Connector | null): FormValues => {
      const type = row?.type ?? types[0]?.name ?? '';
      return { ...valuesOf(schemaOf(type), row ?? {}), name: row?.name ?? '', type };
    },
    bodyOf: (values: FormValues) => ({ type: values.type || types[0]?.name, ...bodyOf(schemaOf(values.type), values) }),
    /** The fields of a stored one that are set, for people. */
    factsOf: (row: Connector): [string, string][] => {
      const shown = specsOf(schemaOf(row.type), valuesOf(schemaOf(row.type), row), { stored: row, texts });
      const values = valuesOf(schemaOf(row.type), row);
      const secret = (spec: FieldSpec) => (spec.kind === 'secret' || spec.kind === 'secret-area') && shown.some(({ name }) => name === `${spec.name}.remove`);
      const isFact = (spec: FieldSpec) => spec.kind !== 'check' && (values[spec.name] || secret(spec));
      const word = (spec: FieldSpec) => spec.choices?.find(({ value }) => value === values[spec.name])?.label ?? values[spec.name];
      return shown.filter(isFact).map((spec) => [[spec.group, spec.label].filter(Boolean).join(' · '), word(spec) || text.connectors.secretSet]);
    },
  };
}

/** Short fields first, so that they stand side by side; then long ones, then groups. */
function arrange(specs: FieldSpec[]): FieldSpec[] {
  const rank = (spec: FieldSpec) => (spec.group ? 2 : isWide(spec) ? 1 : 0);
  return [...specs].sort((a, b) => rank(a) - rank(b));
}

/** The names of a list, for forms that offer them. */
export function useNames(listPath: string, path?: Record<string, string>): string[] {
  const { rows = [] } = useList<{ name: string }>(listPath, { path, query: { limit: 200 } });
  return rows.map(({ name }) => name);
}
