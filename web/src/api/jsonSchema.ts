/** What forms read of a JSON Schema of the API. */
export interface JsonSchema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  description?: string;
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  oneOf?: JsonSchema[];
  writeOnly?: boolean;
  contentMediaType?: string;
}

/** The type of a schema beside null; undefined where there are several, or none is named. */
export function typeOf(schema: JsonSchema): string | undefined {
  const types = [schema.type].flat().filter((one) => one !== undefined && one !== 'null');
  return types.length === 1 ? types[0] : undefined;
}
