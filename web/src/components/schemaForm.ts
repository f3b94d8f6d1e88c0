// Forms for the objects of a JSON Schema. Their fields are texts until they are sent: half a number is no number yet.
import { typeOf, type JsonSchema } from '@/api/jsonSchema';
import type { FieldSpec } from './FormField';

/** What stands in the fields of a form, by their names: the keys of the document, joined by `.`. */
export type FormValues = Record<string, string>;

interface Leaf {
  path: string[];
  schema: JsonSchema;
  required: boolean;
}

/** The name of the field that says whether a stored secret is removed. */
export function removalOf(secret: string): string {
  return `${secret}.remove`;
}

/** Lists the fields of a schema, one after the other. Which variant of an object is read follows what `values` says then. */
function* leaves(schema: JsonSchema, values: FormValues, at: string[] = []): Generator<Leaf> {
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    const path = [...at, key];
    if (key === 'type' && inner.const !== undefined) continue;
    if (inner.oneOf) {
      const names = inner.oneOf.map((variant) => variant.properties?.type?.const);
      yield { path: [...path, 'type'], schema: { enum: names, description: inner.description }, required: false };
      const chosen = inner.oneOf[names.indexOf(values[`${path.join('.')}.type`])];
      if (chosen) yield* leaves(chosen, values, path);
    } else if (inner.properties && !inner.writeOnly) {
      yield* leaves(inner, values, path);
    } else {
      yield { path, schema: inner, required: schema.required?.includes(key) ?? false };
    }
  }
}

/** What the fields of a form show of an object. Secrets are shown by no answer, so their fields are empty. */
export function valuesOf(schema: JsonSchema, object: object): FormValues {
  const values: FormValues = {};
  // The choice of a variant is stored before its fields are listed.
  for (const { path, schema: field } of leaves(schema, values)) values[path.join('.')] = textOf(field, valueAt(object, path));
  return values;
}

/** Returns the object that the fields of a form say; what is empty is left out. */
export function bodyOf(schema: JsonSchema, values: FormValues): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const { path, schema: field } of leaves(schema, values)) {
    const name = path.join('.');
    const value = field.writeOnly && values[removalOf(name)] === 'true' ? null : parseText(field, values[name] ?? '');
    if (value !== undefined) putAt(body, path, value);
  }
  return body;
}

interface SpecTexts {
  /** The name of a field for people. */
  label: (key: string) => string;
  /** What a field means, from the text of the schema. */
  hint: (description: string) => string;
  byDefault: (value: string) => string;
  none: string;
  yes: string;
  no: string;
  linesHint: string;
  pairsHint: string;
  storedHint: string;
  remove: (label: string) => string;
}

interface SpecOptions {
  /** The object that is changed; null for a new one. */
  stored: object | null;
  texts: SpecTexts;
  /** Names to choose from, by field. */
  names?: Record<string, string[]>;
}

/** Texts of several lines, which a schema does not tell apart from others. */
const LONG_TEXTS = new Set(['body', 'known_hosts', 'private_key']);

/** Lists the fields of a form for an object of a schema. */
export function specsOf(schema: JsonSchema, values: FormValues, { stored, texts, names = {} }: SpecOptions): FieldSpec[] {
  return [...leaves(schema, values)].flatMap(({ path, schema: field, required }) => {
    const name = path.join('.');
    const key = path.at(-1) ?? name;
    const group = path.length > 1 ? texts.label(path[0] ?? '') : undefined;
    const hint = field.description && texts.hint(field.description);
    const shared = { name, label: texts.label(key === 'type' && group ? name : key), required, hint, group };
    const known = names[name];
    if (field.writeOnly) return secretSpecs(shared, valueAt(stored, path), texts);
    if (field.enum || typeOf(field) === 'boolean') return [{ ...shared, kind: 'choice', choices: choicesOf(field, required, texts) }];
    if (typeOf(field) === 'array') return [known ? { ...shared, kind: 'checks', choices: known.map(namedChoice) } : { ...shared, kind: 'area', hint: join(hint, texts.linesHint) }];
    if (field.additionalProperties) return [{ ...shared, kind: 'area', hint: join(hint, texts.pairsHint) }];
    if (LONG_TEXTS.has(key) || field.contentMediaType) return [{ ...shared, kind: 'area', mono: true }];
    const placeholder = field.default === undefined || field.default === '' ? undefined : String(field.default);
    return [{ ...shared, kind: 'text', placeholder, choices: known?.map(namedChoice) }];
  });
}

function secretSpecs(shared: FieldSpec, stored: unknown, texts: SpecTexts): FieldSpec[] {
  const kind = LONG_TEXTS.has(shared.name) ? 'secret-area' : 'secret';
  const isStored = typeof stored === 'object' && stored !== null;
  const field: FieldSpec = { ...shared, kind, hint: isStored ? join(shared.hint, texts.storedHint) : shared.hint };
  return isStored ? [field, { name: removalOf(shared.name), label: texts.remove(shared.label), kind: 'check', group: shared.group }] : [field];
}

function choicesOf(schema: JsonSchema, required: boolean, texts: SpecTexts): FieldSpec['choices'] {
  const word = (value: unknown) => (value === true ? texts.yes : value === false ? texts.no : String(value));
  // A switch that is not set is off.
  if (!schema.enum && schema.default === undefined) return [{ value: '', label: texts.no }, { value: 'true', label: texts.yes }];
  const given = (schema.enum ?? [true, false]).map((value) => ({ value: String(value), label: word(value) }));
  const empty = { value: '', label: schema.default === undefined ? texts.none : texts.byDefault(word(schema.default)) };
  return required ? given : [empty, ...given];
}

function namedChoice(name: string) {
  return { value: name, label: name };
}

function join(...sentences: (string | undefined)[]): string {
  return sentences.filter(Boolean).join(' ');
}

function textOf(schema: JsonSchema, value: unknown): string {
  if (value === undefined || value === null || (value === false && schema.default === undefined)) return '';
  if (Array.isArray(value)) return value.map(String).join('\n');
  if (typeof value !== 'object') return String(value);
  if (schema.writeOnly) return '';
  return Object.entries(value).map(([name, text]) => `${name}: ${text}`).join('\n');
}

function parseText(schema: JsonSchema, text: string): unknown {
  const type = typeOf(schema);
  if (schema.writeOnly) return text || undefined;
  if (type === 'array') return linesOf(text).length > 0 ? linesOf(text) : undefined;
  if (schema.additionalProperties) return linesOf(text).length > 0 ? Object.fromEntries(linesOf(text).map(pairOf)) : undefined;
  if (text.trim() === '') return undefined;
  if (type === 'boolean') return text === 'true';
  // What is no number stays a text, which the server refuses with its reason.
  if (type === 'integer' || type === 'number') return Number.isNaN(Number(text)) ? text : Number(text);
  return text;
}

/** The lines of a text that are not empty. */
export function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim()).filter(Boolean);
}

function pairOf(line: string): [string, string] {
  const [name = '', ...rest] = line.split(':');
  return [name.trim(), rest.join(':').trim()];
}

function valueAt(object: object | null, path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], object);
}

function putAt(body: Record<string, unknown>, path: string[], value: unknown) {
  const [key = '', ...rest] = path;
  if (rest.length === 0) body[key] = value;
  else putAt((body[key] ??= {}) as Record<string, unknown>, rest, value);
}
